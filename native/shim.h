/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the shim's files share. Each function takes primitives, makes a system
 * call, or the few of one step, and returns its result or -errno: deciding and
 * throwing is Java's part (org.ashmem.Shim).
 */
#ifndef ASHMEM_SHIM_H
#define ASHMEM_SHIM_H

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

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

/*
 * What the open file is. By number: glibc before 2.33 has no symbol of fstat's,
 * musl before 1.2.5 none of statx's.
 */
#define STATX(fd, mask, result) \
	((int)RETRY(syscall(SYS_statx, fd, "", AT_EMPTY_PATH, mask, result)))

#endif /* ASHMEM_SHIM_H */
