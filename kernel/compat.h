/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * All differences between the kernels from 5.10 on that the module depends on.
 *
 * Each folder in probes/ stands for an interface. Each file in it is one shape that
 * the interface has had. ASHMEM_HAVE_X is 1 if x.c compiles against the target
 * kernel and uses exported symbols only; otherwise it is 0. Version numbers would
 * not work, because distributions backport changes. Kbuild writes these macros to
 * probed.h. If no shape of an interface works, the build stops with a message that
 * names the interface, before any file of the module is compiled.
 *
 * When this happens with a new kernel, add the new shape to the folder. Use it here
 * where its ASHMEM_HAVE_ macro is 1, and keep the older shapes in the #else. An
 * interface with one shape needs no #if until it gets another one.
 */
#ifndef ASHMEM_COMPAT_H
#define ASHMEM_COMPAT_H

#include <linux/fs.h>
#include <linux/list_lru.h>
#include <linux/memcontrol.h>
#include <linux/mm.h>
#include <linux/page-flags.h>
#include <linux/sched/mm.h>
#include <linux/shmem_fs.h>
#include <linux/shrinker.h>
#include <linux/slab.h>
#include <linux/swap.h>

#include "probed.h"

/* 7.0: shmem_file_setup() takes a vma_flags_t. */
static inline struct file *ashmem_shmem_file_setup(const char *name, loff_t size,
						   unsigned long flags)
{
#if ASHMEM_HAVE_SHMEM_VMA_FLAGS
	return shmem_file_setup(name, size, legacy_to_vma_flags(flags));
#else
	return shmem_file_setup(name, size, flags);
#endif
}

/* 6.17: a file may have .mmap_prepare instead of .mmap. */
static inline int ashmem_vfs_mmap(struct file *file, struct vm_area_struct *vma)
{
#if ASHMEM_HAVE_VFS_MMAP
	return vfs_mmap(file, vma);
#else
	return call_mmap(file, vma);
#endif
}

/* 5.11: vma_set_file(). */
static inline void ashmem_vma_set_file(struct vm_area_struct *vma, struct file *file)
{
#if ASHMEM_HAVE_VMA_SET_FILE
	vma_set_file(vma, file);
#else
	struct file *old = vma->vm_file;

	vma->vm_file = get_file(file);
	fput(old);
#endif
}

/* 6.3: functions change vm_flags. */
static inline void ashmem_vm_flags_clear(struct vm_area_struct *vma, unsigned long flags)
{
#if ASHMEM_HAVE_VM_FLAGS_CLEAR
	vm_flags_clear(vma, flags);
#else
	vma->vm_flags &= ~flags;
#endif
}

/*
 * What follows about a page may be asked without a reference; the page may have another
 * use by now. @page is not a tail of a huge page. From 5.16 on, an entry of the page
 * cache is a folio, but its flags stay the first word.
 */
static inline bool ashmem_page_locked(struct page *page)
{
	return test_bit(PG_locked, (const unsigned long *)&page->flags);
}

static inline bool ashmem_page_mlocked(struct page *page)
{
	return test_bit(PG_mlocked, (const unsigned long *)&page->flags);
}

/*
 * 5.16: folios. The kernel takes a small page with many references for one that is pinned
 * for DMA; here mappings do not count as references.
 */
static inline bool ashmem_page_dma_pinned(struct page *page)
{
	if (!PageCompound(page))
		return page_ref_count(page) - atomic_read(&page->_mapcount) > GUP_PIN_COUNTING_BIAS;
#if ASHMEM_HAVE_FOLIO_STATE
	return folio_maybe_dma_pinned((struct folio *)page);
#else
	return page_maybe_dma_pinned(page);
#endif
}

static inline bool ashmem_page_mapped(struct page *page)
{
#if ASHMEM_HAVE_FOLIO_STATE
	return folio_mapped((struct folio *)page);
#else
	return page_mapped(page);
#endif
}

/*
 * The memcg that a page is charged to, or NULL without memcg. Up to 7.1, that may be one
 * whose cgroup was removed: then its pages count for the first ancestor that has one.
 * Slab pages, which have no memcg, are told by bit 0 in 5.10.
 *
 * Context: RCU read-side critical section.
 */
static inline struct mem_cgroup *ashmem_page_payer(struct page *page)
{
	struct mem_cgroup *memcg = NULL;

#if ASHMEM_HAVE_PAGE_MEMCG_CHECK
	memcg = page_memcg_check(page);
#elif defined(CONFIG_MEMCG)
	memcg = READ_ONCE(page->mem_cgroup);
	if ((unsigned long)memcg & 1)
		memcg = NULL;
#endif
	while (memcg && !mem_cgroup_online(memcg))
		memcg = parent_mem_cgroup(memcg);
	return memcg;
}

static inline bool ashmem_memcg_tryget(struct mem_cgroup *memcg)
{
#ifdef CONFIG_MEMCG
	return !memcg || css_tryget(&memcg->css);
#else
	return true;
#endif
}

static inline void ashmem_memcg_put(struct mem_cgroup *memcg)
{
#ifdef CONFIG_MEMCG
	if (memcg)
		css_put(&memcg->css);
#endif
}

/* The inode number of the cgroup's directory, or 0 without memcg. Numbers are not reused. */
static inline u64 ashmem_memcg_ino(const struct mem_cgroup *memcg)
{
#ifdef CONFIG_MEMCG
	return memcg ? cgroup_ino(memcg->css.cgroup) : 0;
#else
	return 0;
#endif
}

/* Marks a whole huge page dirty, given a locked page of it; a no-op for other pages. */
static inline void ashmem_huge_page_dirty(struct page *page)
{
	if (PageCompound(page))
		set_page_dirty(page);
}

/* 6.4: mm_account_reclaimed_pages(); the field that it changes got a new name. */
static inline void ashmem_account_reclaimed(unsigned long pages)
{
#if ASHMEM_HAVE_ACCOUNT_RECLAIMED
	mm_account_reclaimed_pages(pages);
#else
	if (current->reclaim_state)
		current->reclaim_state->reclaimed_slab += pages;
#endif
}

/* Pages credited to the current reclaim that it has not counted yet. */
static inline unsigned long ashmem_reclaim_credit(void)
{
#if ASHMEM_HAVE_ACCOUNT_RECLAIMED
	return current->reclaim_state->reclaimed;
#else
	return current->reclaim_state->reclaimed_slab;
#endif
}

/*
 * 5.10 has set_active_memcg(), but does not export the variable that it uses in an
 * interrupt.
 *
 * Context: Process context.
 */
static inline struct mem_cgroup *ashmem_set_active_memcg(struct mem_cgroup *memcg)
{
#if ASHMEM_HAVE_ACTIVE_MEMCG
	return set_active_memcg(memcg);
#elif defined(CONFIG_MEMCG)
	struct mem_cgroup *old = current->active_memcg;

	current->active_memcg = memcg;
	return old;
#else
	return NULL;
#endif
}

/* 5.18: the list of the object's memcg must exist before the object is added. */
static inline void *ashmem_kmem_cache_alloc_lru(struct kmem_cache *cache, struct list_lru *lru,
						gfp_t flags)
{
#if ASHMEM_HAVE_ALLOC_LRU
	return kmem_cache_alloc_lru(cache, lru, flags);
#else
	return kmem_cache_alloc(cache, flags);
#endif
}

/* 6.8: the variant that finds node and memcg from the object ends in _obj. */
static inline bool ashmem_list_lru_add(struct list_lru *lru, struct list_head *item)
{
#if ASHMEM_HAVE_LIST_LRU_OBJ
	return list_lru_add_obj(lru, item);
#else
	return list_lru_add(lru, item);
#endif
}

static inline bool ashmem_list_lru_del(struct list_lru *lru, struct list_head *item)
{
#if ASHMEM_HAVE_LIST_LRU_OBJ
	return list_lru_del_obj(lru, item);
#else
	return list_lru_del(lru, item);
#endif
}

/**
 * struct ashmem_lru_walk - a walk of a list_lru
 * @visit: called for each item of @list under its lock; returns LRU_RETRY with
 *	the lock dropped (and an __acquire() for sparse), all other values with
 *	the lock held
 * @nr_to_walk: number of items that the walk may still visit
 */
struct ashmem_lru_walk {
	enum lru_status (*visit)(struct ashmem_lru_walk *walk, struct list_head *item,
				 struct list_head *list, spinlock_t *lock);
	unsigned long nr_to_walk;
};

/*
 * 6.13: the callback finds the lock in the list, and returns LRU_RETRY with the
 * lock dropped. Before 6.13, the lock is an argument and is held on return.
 */
#if ASHMEM_HAVE_LIST_LRU_ONE_LOCK
static inline enum lru_status ashmem_lru_visit(struct list_head *item, struct list_lru_one *list,
					       void *arg)
{
	struct ashmem_lru_walk *walk = arg;

	return walk->visit(walk, item, &list->list, &list->lock);
}
#else
static inline enum lru_status ashmem_lru_visit(struct list_head *item, struct list_lru_one *list,
					       spinlock_t *lock, void *arg)
{
	struct ashmem_lru_walk *walk = arg;
	enum lru_status status = walk->visit(walk, item, &list->list, lock);

	if (status == LRU_RETRY) {
		__release(lock);
		spin_lock(lock);
	}
	return status;
}
#endif

/*
 * 6.7: a shrinker is allocated, and registered when everything is ready. Before 6.7,
 * a shrinker gets the id that a list_lru needs only at registration, so reclaim may
 * call it at once. 6.0: a shrinker has a name.
 */
static inline struct shrinker *
ashmem_shrinker_alloc(const char *name, long batch,
		      unsigned long (*count)(struct shrinker *, struct shrink_control *),
		      unsigned long (*scan)(struct shrinker *, struct shrink_control *))
{
	const unsigned int flags = SHRINKER_MEMCG_AWARE | SHRINKER_NUMA_AWARE | SHRINKER_NONSLAB;
#if ASHMEM_HAVE_SHRINKER_ALLOC
	struct shrinker *shrinker = shrinker_alloc(flags, "%s", name);
#else
	struct shrinker *shrinker = kzalloc(sizeof(*shrinker), GFP_KERNEL);
#endif

	if (!shrinker)
		return NULL;

	/* No I/O is needed to get the pages back. */
	shrinker->seeks = 0;
	shrinker->batch = batch;
	shrinker->count_objects = count;
	shrinker->scan_objects = scan;
#if !ASHMEM_HAVE_SHRINKER_ALLOC
	shrinker->flags = flags;
#if ASHMEM_HAVE_SHRINKER_NAME
	if (register_shrinker(shrinker, "%s", name)) {
#else
	if (register_shrinker(shrinker)) {
#endif
		kfree(shrinker);
		return NULL;
	}
#endif
	return shrinker;
}

static inline void ashmem_shrinker_register(struct shrinker *shrinker)
{
#if ASHMEM_HAVE_SHRINKER_ALLOC
	shrinker_register(shrinker);
#endif
}

static inline void ashmem_shrinker_free(struct shrinker *shrinker)
{
#if ASHMEM_HAVE_SHRINKER_ALLOC
	shrinker_free(shrinker);
#else
	unregister_shrinker(shrinker);
	kfree(shrinker);
#endif
}

#endif /* ASHMEM_COMPAT_H */
