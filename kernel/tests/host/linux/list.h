/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The kernel's circular lists. A deleted entry has NULL pointers, so that a second
 * deletion is seen.
 */
#ifndef HOST_LIST_H
#define HOST_LIST_H

#include <linux/types.h>

struct list_head {
	struct list_head *next, *prev;
};

static inline void INIT_LIST_HEAD(struct list_head *list)
{
	list->next = list;
	list->prev = list;
}

static inline bool list_empty(const struct list_head *list)
{
	return list->next == list;
}

static inline void list_between(struct list_head *entry, struct list_head *prev,
				struct list_head *next)
{
	entry->prev = prev;
	entry->next = next;
	prev->next = entry;
	next->prev = entry;
}

static inline void list_add(struct list_head *entry, struct list_head *list)
{
	list_between(entry, list, list->next);
}

static inline void list_add_tail(struct list_head *entry, struct list_head *list)
{
	list_between(entry, list->prev, list);
}

static inline void list_del(struct list_head *entry)
{
	entry->prev->next = entry->next;
	entry->next->prev = entry->prev;
	entry->prev = NULL;
	entry->next = NULL;
}

static inline void list_del_init(struct list_head *entry)
{
	list_del(entry);
	INIT_LIST_HEAD(entry);
}

static inline void list_move_tail(struct list_head *entry, struct list_head *list)
{
	list_del(entry);
	list_add_tail(entry, list);
}

static inline void list_splice_tail_init(struct list_head *from, struct list_head *to)
{
	while (!list_empty(from))
		list_move_tail(from->next, to);
}

#define list_entry(pointer, type, member) container_of(pointer, type, member)
#define list_first_entry(list, type, member) list_entry((list)->next, type, member)
#define list_first_entry_or_null(list, type, member) \
	(list_empty(list) ? NULL : list_first_entry(list, type, member))

#define list_for_each_entry(entry, list, member)				\
	for (entry = list_first_entry(list, __typeof__(*entry), member);	\
	     &entry->member != (list);						\
	     entry = list_entry(entry->member.next, __typeof__(*entry), member))

#define list_for_each_entry_safe(entry, following, list, member)		\
	for (entry = list_first_entry(list, __typeof__(*entry), member),	\
	     following = list_entry(entry->member.next, __typeof__(*entry), member); \
	     &entry->member != (list);						\
	     entry = following,							\
	     following = list_entry(entry->member.next, __typeof__(*entry), member))

#endif /* HOST_LIST_H */
