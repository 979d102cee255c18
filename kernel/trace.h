/* SPDX-License-Identifier: GPL-2.0-only */
/* The tracepoints. README.md explains their fields. main.c creates them. */
#undef TRACE_SYSTEM
#define TRACE_SYSTEM ashmem

#if !defined(ASHMEM_TRACE_H) || defined(TRACE_HEADER_MULTI_READ)
#define ASHMEM_TRACE_H

#include <linux/mm.h>
#include <linux/tracepoint.h>

#include "purge.h"
#include "region.h"

TRACE_DEFINE_ENUM(ASHMEM_REASON_LIMIT);
TRACE_DEFINE_ENUM(ASHMEM_REASON_RECLAIM);
TRACE_DEFINE_ENUM(ASHMEM_REASON_KSWAPD);
TRACE_DEFINE_ENUM(ASHMEM_REASON_DROP_CACHES);
TRACE_DEFINE_ENUM(ASHMEM_REASON_REQUEST);

#define show_ashmem_reason(reason)				\
	__print_symbolic(reason,				\
			 { ASHMEM_REASON_LIMIT, "limit" },	\
			 { ASHMEM_REASON_RECLAIM, "reclaim" },	\
			 { ASHMEM_REASON_KSWAPD, "kswapd" },	\
			 { ASHMEM_REASON_DROP_CACHES, "drop_caches" }, \
			 { ASHMEM_REASON_REQUEST, "request" })

TRACE_EVENT(ashmem_create,
	TP_PROTO(const struct ashmem_region *region),
	TP_ARGS(region),
	TP_STRUCT__entry(
		__field(u64, region)
	),
	TP_fast_assign(
		__entry->region = region->id;
	),
	TP_printk("region=%llu", __entry->region)
);

/* Called under the region's lock. Copies the name itself: __assign_str() changed in 6.10. */
TRACE_EVENT(ashmem_map,
	TP_PROTO(const struct ashmem_region *region, const struct vm_area_struct *vma),
	TP_ARGS(region, vma),
	TP_STRUCT__entry(
		__field(u64, region)
		__field(u64, file_id)
		__field(u64, size)
		__field(u64, offset)
		__field(u64, len)
		__field(unsigned long, flags)
		__dynamic_array(char, name, strlen(ashmem_region_name(region)) + 1)
	),
	TP_fast_assign(
		__entry->region = region->id;
		__entry->file_id = file_inode(region->file)->i_ino;
		__entry->size = region->size;
		__entry->offset = (u64)vma->vm_pgoff << PAGE_SHIFT;
		__entry->len = vma->vm_end - vma->vm_start;
		__entry->flags = vma->vm_flags;
		memcpy(__get_dynamic_array(name), ashmem_region_name(region),
		       __get_dynamic_array_len(name));
	),
	TP_printk("region=%llu file_id=%llu size=%llu offset=%llu len=%llu prot=%c%c%c%c name=%s",
		  __entry->region, __entry->file_id, __entry->size,
		  __entry->offset, __entry->len,
		  __entry->flags & VM_READ ? 'r' : '-', __entry->flags & VM_WRITE ? 'w' : '-',
		  __entry->flags & VM_EXEC ? 'x' : '-', __entry->flags & VM_MAYSHARE ? 's' : 'p',
		  __get_str(name))
);

DECLARE_EVENT_CLASS(ashmem_pin_class,
	TP_PROTO(const struct ashmem_region *region, const struct ashmem_pin64 *pin, int ret),
	TP_ARGS(region, pin, ret),
	TP_STRUCT__entry(
		__field(u64, region)
		__field(u64, offset)
		__field(u64, len)
		__field(int, ret)
	),
	TP_fast_assign(
		__entry->region = region->id;
		__entry->offset = pin->offset;
		__entry->len = pin->len;
		__entry->ret = ret;
	),
	TP_printk("region=%llu offset=%llu len=%llu ret=%d",
		  __entry->region, __entry->offset, __entry->len, __entry->ret)
);

DEFINE_EVENT(ashmem_pin_class, ashmem_pin,
	TP_PROTO(const struct ashmem_region *region, const struct ashmem_pin64 *pin, int ret),
	TP_ARGS(region, pin, ret)
);

DEFINE_EVENT(ashmem_pin_class, ashmem_unpin,
	TP_PROTO(const struct ashmem_region *region, const struct ashmem_pin64 *pin, int ret),
	TP_ARGS(region, pin, ret)
);

TRACE_EVENT(ashmem_purge,
	TP_PROTO(const struct ashmem_region *region, u64 memcg, unsigned long start,
		 unsigned long end, unsigned long freed, enum ashmem_reason reason, u64 began),
	TP_ARGS(region, memcg, start, end, freed, reason, began),
	TP_STRUCT__entry(
		__field(u64, region)
		__field(u64, file_id)
		__field(u64, memcg)
		__field(u64, offset)
		__field(unsigned long, pages)
		__field(unsigned long, freed)
		__field(int, reason)
		__field(u64, latency_ns)
	),
	TP_fast_assign(
		__entry->region = region->id;
		__entry->file_id = file_inode(region->file)->i_ino;
		__entry->memcg = memcg;
		__entry->offset = (u64)start << PAGE_SHIFT;
		__entry->pages = end - start;
		__entry->freed = freed;
		__entry->reason = reason;
		__entry->latency_ns = began ? ktime_get_ns() - began : 0;
	),
	TP_printk("region=%llu file_id=%llu memcg=%llu offset=%llu pages=%lu freed=%lu reason=%s latency_ns=%llu",
		  __entry->region, __entry->file_id, __entry->memcg, __entry->offset,
		  __entry->pages, __entry->freed, show_ashmem_reason(__entry->reason),
		  __entry->latency_ns)
);

TRACE_EVENT(ashmem_shrink_start,
	TP_PROTO(int nid, u64 memcg, enum ashmem_reason reason,
		 unsigned long asked),
	TP_ARGS(nid, memcg, reason, asked),
	TP_STRUCT__entry(
		__field(int, nid)
		__field(u64, memcg)
		__field(int, reason)
		__field(unsigned long, asked)
	),
	TP_fast_assign(
		__entry->nid = nid;
		__entry->memcg = memcg;
		__entry->reason = reason;
		__entry->asked = asked;
	),
	TP_printk("nid=%d memcg=%llu reason=%s asked=%lu",
		  __entry->nid, __entry->memcg, show_ashmem_reason(__entry->reason),
		  __entry->asked)
);

TRACE_EVENT(ashmem_shrink_end,
	TP_PROTO(int nid, u64 memcg, enum ashmem_reason reason,
		 unsigned long purged, unsigned long freed),
	TP_ARGS(nid, memcg, reason, purged, freed),
	TP_STRUCT__entry(
		__field(int, nid)
		__field(u64, memcg)
		__field(int, reason)
		__field(unsigned long, purged)
		__field(unsigned long, freed)
	),
	TP_fast_assign(
		__entry->nid = nid;
		__entry->memcg = memcg;
		__entry->reason = reason;
		__entry->purged = purged;
		__entry->freed = freed;
	),
	TP_printk("nid=%d memcg=%llu reason=%s purged=%lu freed=%lu",
		  __entry->nid, __entry->memcg, show_ashmem_reason(__entry->reason),
		  __entry->purged, __entry->freed)
);

#endif /* ASHMEM_TRACE_H */

#undef TRACE_INCLUDE_PATH
#define TRACE_INCLUDE_PATH .
#undef TRACE_INCLUDE_FILE
#define TRACE_INCLUDE_FILE trace
#include <trace/define_trace.h>
