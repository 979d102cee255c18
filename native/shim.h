/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Definitions for all files of the shim. Each function takes primitives and
 * arrays, makes one system call, or the few calls of one step, and returns the
 * result or -errno. The Java classes (org.ashmem.Shim and its callers) make all
 * decisions and throw all exceptions.
 */
#ifndef ASHMEM_SHIM_H
#define ASHMEM_SHIM_H

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "org_ashmem_Shim.h"

/* The value of @call, or -errno. Retries while a signal interrupts the call. */
#define RETRY(call)						\
	({							\
		__typeof__(call) result_;			\
		do						\
			result_ = (call);			\
		while (result_ == -1 && errno == EINTR);	\
		result_ == -1 ? -errno : result_;		\
	})

/*
 * Gets the attributes of an open file. This uses the system call number because
 * glibc before 2.33 has no symbol for fstat, and musl before 1.2.5 none for
 * statx.
 */
#define STATX(fd, mask, result) \
	((int)RETRY(syscall(SYS_statx, fd, "", AT_EMPTY_PATH, mask, result)))

#endif /* ASHMEM_SHIM_H */
