/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * Memory that the backend may map: pages of this driver's or of a user's, each
 * granted by itself.
 *
 * Granted pages can be given back only when the backend has unmapped them. One
 * that answers as it should has done so before the object's end is answered;
 * what one that died or lies still has mapped is kept, and tried again, for as
 * long as the vib exists.
 */
#ifndef IBFRONT_MEMORY_H
#define IBFRONT_MEMORY_H

#include <linux/list.h>
#include <linux/mm_types.h>
#include <linux/types.h>

#include <xen/grant_table.h>

#include <xen-ib/object.h>

struct vib;

/* Whose pages these are. */
enum vib_memory_kind {
	VIB_MEMORY_QUEUE,	/* ours, of an object */
	VIB_MEMORY_LIST,	/* ours, while a command lasts */
	VIB_MEMORY_CONNECTION,	/* ours, of a connection */
	VIB_MEMORY_POOL,	/* the pool's */
	VIB_MEMORY_RAM,		/* anybody's, and not counted: all there is */
	VIB_MEMORY_USER,	/* a process' */
};

struct vib_memory {
	struct list_head kept; /* in vib->kept_memory or vib->kept_tried */
	enum vib_memory_kind kind;
	bool writable; /* granted so */
	bool written; /* of a process: pinned to be written to */
	u32 count;
	u32 granted; /* the first so many are */
	u32 charged; /* pages, to mm's pinned_vm */
	struct mm_struct *mm; /* or NULL */
	struct page **pages;
	grant_ref_t *refs;
};

/*
 * Zeroed pages for @bytes, granted. Or an ERR_PTR: -ENOMEM, or -ENOSPC when
 * there are no grants, which a line in the log has said. Sleeps, as do all here.
 */
struct vib_memory *vib_memory_alloc(struct vib *vib, enum vib_memory_kind kind,
				    size_t bytes, bool writable);

/*
 * @pages of somebody's here, shared by reference, and granted; the rest as above. Of
 * the pool's kind no line is in the log: it tries with fewer.
 */
struct vib_memory *vib_memory_share(struct vib *vib, enum vib_memory_kind kind,
				    struct page **pages, u32 count,
				    bool writable);

/*
 * @count pages from frame @pfn on, whoever has them, granted; the rest as with the pool's.
 */
struct vib_memory *vib_memory_ram(struct vib *vib, unsigned long pfn, u32 count);

/*
 * Charge @memory to the locked memory of the current process until it is freed, so
 * that what a backend keeps stays charged. -ENOMEM beyond its limit, with a line in
 * the log.
 */
int vib_memory_charge(struct vib *vib, struct vib_memory *memory, u32 count);

/*
 * The pages of [start, start + length) of the current process, pinned, charged
 * to its locked memory, and granted: for writing if they are to be @writable, or if the
 * backend asks for no others. Or an ERR_PTR.
 */
struct vib_memory *vib_memory_pin(struct vib *vib, u64 start, u64 length,
				  bool writable);

/* The end of it: freed, or unpinned, now or when the backend has let go. */
void vib_memory_end(struct vib *vib, struct vib_memory *memory);

/*
 * As vib_memory_end(), of VIB_MEMORY_LIST: the command that named it came to @err, which is
 * -EIO if it was not answered. A backend that has it mapped still, a second after its
 * answer, is broken.
 */
void vib_memory_take_back(struct vib *vib, struct vib_memory *memory, int err);

void *vib_memory_page(const struct vib_memory *memory, u32 index);

/* Memories of this kind that the backend still has, though they have ended. */
unsigned int vib_memory_kept(struct vib *vib, enum vib_memory_kind kind);

/* Before the vib goes: wait a little for the backend to let go of what is kept. */
void vib_memory_release(struct vib *vib);

void vib_memory_init(struct vib *vib);

/* How @memory is named in a command. @lists is for vib_tree_end(). */
struct vib_tree {
	struct vib_pages pages;
	struct vib_memory *lists;
};

int vib_tree_make(struct vib *vib, const struct vib_memory *memory,
		  struct vib_tree *tree);

/* Of @pages of it from @first on. */
int vib_tree_make_part(struct vib *vib, const struct vib_memory *memory,
		       u32 first, u32 pages, struct vib_tree *tree);

/* @err: what the command came to; see vib_memory_take_back(). */
void vib_tree_end(struct vib *vib, struct vib_tree *tree, int err);

/* grants.c */

/*
 * Grant pages of @memory from memory->granted on. 0, or -ENOSPC, and then some
 * may be granted.
 */
int vib_grants_make(struct vib *vib, struct vib_memory *memory);

/* End what is granted. False if the backend has some mapped still. */
bool vib_grants_end(struct vib_memory *memory);

/*
 * @count grants which grant nothing yet; 0, or -ENOSPC if that does not leave enough. Each
 * is given back when it grants nothing again, or left with its page to the grant table,
 * which has a reference to that until it does.
 */
int vib_grants_take_each(u32 count, grant_ref_t *refs);
void vib_grants_give(grant_ref_t ref);
void vib_grants_leave_one(grant_ref_t ref, struct page *page);

/* Grants that are in use, of all vibs; and of these, those of VIB_MEMORY_RAM. */
unsigned int vib_grants_count(void);
unsigned int vib_grants_count_ram(void);

/* The max_grant_frames with which @pages are granted beside what other devices have. */
unsigned int vib_grants_frames(unsigned long pages);

/*
 * Leave to the grant table what does not end: it keeps the pages that long. Of
 * VIB_MEMORY_RAM, whose pages may be free, the grants are lost.
 */
void vib_grants_leave(struct vib_memory *memory);

#endif
