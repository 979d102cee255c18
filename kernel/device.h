/* SPDX-License-Identifier: GPL-2.0-only */
/* The misc device /dev/ashmem. */
#ifndef ASHMEM_DEVICE_H
#define ASHMEM_DEVICE_H

int ashmem_device_check(void);
int ashmem_device_init(void);
void ashmem_device_exit(void);

#endif /* ASHMEM_DEVICE_H */
