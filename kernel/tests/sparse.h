/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Definitions that the headers of Linux 7.2 and newer need and that sparse lacks up
 * to release 0.6.4. Included before each file that is checked.
 */
#define __typeof_unqual__ __typeof__
#define __builtin_strlen(s) (sizeof(s) - 1)
