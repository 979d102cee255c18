/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What headers of Linux 7.2 and newer ask of sparse and releases of it up to
 * 0.6.4 have not; included in front of each file that is checked.
 */
#define __typeof_unqual__ __typeof__
#define __builtin_strlen(s) (sizeof(s) - 1)
