/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef HOST_SCHED_H
#define HOST_SCHED_H

#define cond_resched() ((void)0)

#endif /* HOST_SCHED_H */
