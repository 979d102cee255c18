/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef HOST_MINMAX_H
#define HOST_MINMAX_H

#define min(a, b) ((a) < (b) ? (a) : (b))
#define max(a, b) ((a) > (b) ? (a) : (b))

#endif /* HOST_MINMAX_H */
