/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the shim's files share. Each function takes primitives, makes one
 * system call and returns its result or -errno: deciding and throwing is
 * Java's part (org.ashmem.Shim).
 */
#ifndef ASHMEM_SHIM_H
#define ASHMEM_SHIM_H

#include <errno.h>

#include "org_ashmem_Shim.h"

/* The value of @call, made again while a signal interrupts it, or -errno. */
#define RETRY(call)						\
	({							\
		__typeof__(call) result_;			\
		do						\
			result_ = (call);			\
		while (result_ == -1 && errno == EINTR);	\
		result_ == -1 ? -errno : result_;		\
	})

#endif /* ASHMEM_SHIM_H */
