/* SPDX-License-Identifier: GPL-2.0-only */
/* What ranges.c needs of the kernel's headers, for user space. */
#ifndef HOST_TYPES_H
#define HOST_TYPES_H

#include <stdbool.h>
#include <stddef.h>

#define container_of(pointer, type, member) \
	((type *)((char *)(pointer) - offsetof(type, member)))

#endif /* HOST_TYPES_H */
