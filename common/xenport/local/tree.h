/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A tree of xenstore nodes that is never changed: a change makes another tree,
 * which shares with the first all that is the same. So a transaction is a tree
 * of its own, and giving it up is forgetting it.
 *
 * A path here is relative to the tree's root: "local/domain/1", or "" for the
 * root itself. Its elements are not empty. Not for several threads.
 */
#ifndef XEN_IB_COMMON_LOCAL_TREE_H
#define XEN_IB_COMMON_LOCAL_TREE_H

#include <stddef.h>

#include "xenport/xenport.h"

struct tree {
	unsigned int refs;
	size_t size; /* nodes, this one included */
	struct xenport_perms perms;
	char *name;
	char *value;
	size_t num;
	struct tree *children[]; /* in the order they were made */
};

/* A root without children, of which the caller has one reference. NULL: ENOMEM. */
struct tree *tree_new(void);

struct tree *tree_get(struct tree *tree);
/* Gives a reference back; NULL is none. */
void tree_put(struct tree *tree);

/* The node at @path, or NULL. It lives as long as @tree does. */
const struct tree *tree_find(const struct tree *tree, const char *path);

/*
 * The tree in which @path has @value and @perms, each unchanged where NULL. Made
 * are the nodes missing on the way, with their parent's permissions and an empty
 * value. Returns a reference for the caller, or NULL: ENOMEM.
 */
struct tree *tree_set(const struct tree *tree, const char *path, const char *value,
		      const struct xenport_perms *perms);

/* The tree without @path, which is there and not the root, and what is below it.
 * Returns as above.
 */
struct tree *tree_cut(const struct tree *tree, const char *path);

#endif
