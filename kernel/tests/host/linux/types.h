/* SPDX-License-Identifier: GPL-2.0-only */
/* The parts of the kernel's headers that ranges.c needs, for user space. */
#ifndef HOST_TYPES_H
#define HOST_TYPES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef uint64_t u64;

#define WRITE_ONCE(variable, value) (*(volatile __typeof__(variable) *)&(variable) = (value))

#define container_of(pointer, type, member) \
	((type *)((char *)(pointer) - offsetof(type, member)))

#endif /* HOST_TYPES_H */
