/* SPDX-License-Identifier: GPL-2.0-only */
/* The debugfs files, which show all regions to an operator. */
#ifndef ASHMEM_DEBUGFS_H
#define ASHMEM_DEBUGFS_H

void ashmem_debugfs_init(void);
void ashmem_debugfs_exit(void);

#endif /* ASHMEM_DEBUGFS_H */
