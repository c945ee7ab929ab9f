/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Memory that the backend can reach, and its name in commands. The backend
 * maps grants, so what is to be registered or to hold a queue comes from here
 * and not from malloc(3).
 */
#ifndef XEN_IB_COMMON_LIBVIB_MEMORY_H
#define XEN_IB_COMMON_LIBVIB_MEMORY_H

#include "libvib/vib.h"

/* @bytes, rounded up to pages, zeroed and aligned to a page. NULL and errno;
 * EINVAL for none, and for more than VIB_PAGES_MAX pages, which is 4 GiB.
 */
void *libvib_alloc(struct libvib *lv, size_t bytes);

/* Free what libvib_alloc() returned. NULL is nothing. The backend keeps what it
 * has mapped until the objects made of it are destroyed.
 */
void libvib_free(struct libvib *lv, void *addr);

/* A range of such memory as struct vib_pages (object.h) has it. */
struct libvib_pages {
	struct vib_pages tree; /* for a command's operands */
	void *lists;           /* list pages, ours; NULL for a single page */
};

/* Name the pages that hold the @length bytes at @addr, which lie in one
 * allocation. -EINVAL: they do not, or there are none. The list pages exist
 * until libvib_pages_end(), for which the time has come with the answer.
 */
int libvib_pages_begin(struct libvib *lv, const void *addr, size_t length,
		       struct libvib_pages *pages);
void libvib_pages_end(struct libvib *lv, struct libvib_pages *pages);

/* ---- the tree itself, pure --------------------------------------------- */

/* List pages that the tree of @count pages (1 to VIB_PAGES_MAX) takes. */
size_t libvib_tree_lists(uint32_t count);

/* Fill the list pages @lists, whose references are @lists_ref and those that
 * follow, for @count pages of references @first_ref and those that follow.
 * Returns the tree's root.
 */
uint32_t libvib_tree_fill(uint32_t *lists, uint32_t lists_ref, uint32_t first_ref,
			  uint32_t count);

#endif
