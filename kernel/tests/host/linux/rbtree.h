/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A binary search tree with the interface of the kernel's rbtree. It is never
 * balanced; its users cannot see a difference.
 */
#ifndef HOST_RBTREE_H
#define HOST_RBTREE_H

#include <linux/types.h>

struct rb_node {
	struct rb_node *parent, *rb_left, *rb_right;
};

struct rb_root {
	struct rb_node *rb_node;
};

#define RB_ROOT ((struct rb_root) { NULL })
#define rb_entry(pointer, type, member) container_of(pointer, type, member)
#define rb_entry_safe(pointer, type, member)				\
	({								\
		__typeof__(pointer) node_ = (pointer);			\
		node_ ? rb_entry(node_, type, member) : NULL;		\
	})

static inline struct rb_node *rb_leftmost(struct rb_node *node)
{
	while (node && node->rb_left)
		node = node->rb_left;
	return node;
}

static inline struct rb_node *rb_first(const struct rb_root *root)
{
	return rb_leftmost(root->rb_node);
}

static inline struct rb_node *rb_next(const struct rb_node *node)
{
	if (node->rb_right)
		return rb_leftmost(node->rb_right);
	while (node->parent && node == node->parent->rb_right)
		node = node->parent;
	return node->parent;
}

static inline void rb_link_node(struct rb_node *node, struct rb_node *parent,
				struct rb_node **link)
{
	node->parent = parent;
	node->rb_left = NULL;
	node->rb_right = NULL;
	*link = node;
}

static inline void rb_insert_color(struct rb_node *node, struct rb_root *root)
{
	(void)node;
	(void)root;
}

/* Replaces @old by @new, or by nothing if @new is NULL. */
static inline void rb_replace(struct rb_node *old, struct rb_node *new, struct rb_root *root)
{
	if (!old->parent)
		root->rb_node = new;
	else if (old->parent->rb_left == old)
		old->parent->rb_left = new;
	else
		old->parent->rb_right = new;
	if (new)
		new->parent = old->parent;
}

static inline void rb_erase(struct rb_node *node, struct rb_root *root)
{
	struct rb_node *heir;

	if (!node->rb_left || !node->rb_right) {
		rb_replace(node, node->rb_left ? node->rb_left : node->rb_right, root);
		return;
	}
	heir = rb_leftmost(node->rb_right);
	rb_replace(heir, heir->rb_right, root);
	rb_replace(node, heir, root);
	heir->rb_left = node->rb_left;
	heir->rb_right = node->rb_right;
	heir->rb_left->parent = heir;
	if (heir->rb_right)
		heir->rb_right->parent = heir;
}

static inline struct rb_node *rb_deepest(struct rb_node *node)
{
	while (node && (node->rb_left || node->rb_right))
		node = node->rb_left ? node->rb_left : node->rb_right;
	return node;
}

static inline struct rb_node *rb_next_postorder(const struct rb_node *node)
{
	struct rb_node *parent = node->parent;

	if (parent && node == parent->rb_left && parent->rb_right)
		return rb_deepest(parent->rb_right);
	return parent;
}

#define rbtree_postorder_for_each_entry_safe(entry, following, root, member)	\
	for (entry = rb_entry_safe(rb_deepest((root)->rb_node), __typeof__(*entry), member); \
	     entry && ({ following = rb_entry_safe(rb_next_postorder(&entry->member), \
						   __typeof__(*entry), member); true; }); \
	     entry = following)

#endif /* HOST_RBTREE_H */
