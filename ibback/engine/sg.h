/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Lists of memory, gathered from or scattered to. */
#ifndef XEN_IB_IBBACK_SG_H
#define XEN_IB_IBBACK_SG_H

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include <xen-ib/queue.h>

#include "device_limits.h"

struct fast;
struct mr_hint;
struct vhca;

/* Whose SGEs they are. */
struct sg_owner {
	const struct vhca *vhca;
	struct mr_hint *hint; /* the owner's alone */
	uint32_t pd;
	bool kernel; /* they may have VIB_LOCAL_DMA_LKEY, whatever the PD */
};

struct sg_part {
	uint8_t *at; /* with @fast: the offset in its pages in place of a pointer */
	uint64_t length;
	const struct fast *fast; /* whose pages do not follow one another; NULL: memory */
};

struct sg {
	unsigned int count;
	unsigned int granted; /* parts that are not mapped, or not all, see granted.h */
	unsigned int paged;   /* parts of pages here and there, see fast.h */
	const struct vhca *vhca; /* whose, if there are such */
	uint64_t bytes;
	struct sg_part part[MAX_SGE + 1];
};

/* Are all parts memory of the process? */
static inline bool sg_is_plain(const struct sg *sg)
{
	return !(sg->granted | sg->paged);
}

/* What comes of copying: which list names what cannot be read or written. */
enum sg_copied { SG_COPIED, SG_BAD_SRC, SG_BAD_DST };

static inline void sg_part_at(struct sg_part *part, uint8_t *at, uint64_t length)
{
	part->at = at;
	part->length = length;
	part->fast = NULL;
}

/* The list of one piece. */
static inline void sg_one(struct sg *sg, uint8_t *at, uint64_t length)
{
	sg->count = 1;
	sg->granted = 0;
	sg->paged = 0;
	sg->bytes = length;
	sg_part_at(&sg->part[0], at, length);
}

/* The list of one part of the guest's of @vhca, which is filled in already. */
void sg_count_one(struct sg *sg, const struct vhca *vhca);

/*
 * The memory that @num_sge SGEs of @owner name, at most MAX_SGE, each of its PD and
 * with the rights of @access. -1 if one of them is not. Valid until the
 * caller's next quiescent state.
 */
int sg_resolve(struct sg *sg, const struct sg_owner *owner, const struct vib_sge *sges,
	       uint32_t num_sge, uint32_t access);

/* Copy bytes @from to @from + @length of @src, which is plain, to @to, which is nobody
 * else's.
 */
void sg_gather(uint8_t *to, const struct sg *src, uint64_t from, uint64_t length);

/* Bytes of sg_fetch()'s memory: a datagram, however it is cut up later. */
#define SG_FETCH_BYTES (128u << 10)

/*
 * Have the list be one piece of memory of the process, if it is not plain and not longer
 * than SG_FETCH_BYTES. Valid until the thread's next call. -1: it cannot be read.
 */
int sg_fetch(struct sg *sg);

/* sg_copy() for lists of any length; @stream: past the caches. */
enum sg_copied sg_copy_parts(const struct sg *dst, const struct sg *src, uint64_t from,
			     uint64_t length, bool stream);

/* Copy bytes @from to @from + @length of a message; both lists have them. They
 * may overlap, as guests like. Fails only where one is not plain.
 */
static inline enum sg_copied sg_copy(const struct sg *dst, const struct sg *src,
				     uint64_t from, uint64_t length)
{
	if (!length)
		return SG_COPIED;
	if (dst->count != 1 || src->count != 1 || !sg_is_plain(dst) || !sg_is_plain(src))
		return sg_copy_parts(dst, src, from, length, false);
	memmove(dst->part[0].at + from, src->part[0].at + from, length);
	return SG_COPIED;
}

#endif
