// SPDX-License-Identifier: GPL-2.0-or-later
#include "engine/sg.h"

#include "engine/dma.h"
#include "engine/fast.h"
#include "engine/granted.h"
#include "engine/mr.h"
#include "engine/stream.h"
#include "engine/vhca.h"

/* Memory that is lent to do I/O with can be written: there are no rights to look at. */
static uint8_t *find_lent(const struct sg_owner *owner, const struct vib_sge *sge)
{
	if (!owner->kernel)
		return NULL;
	if (addr_is_granted(sge->addr))
		return granted_reach(owner->vhca, sge->addr, sge->length);
	return dma_reach(owner->vhca, owner->hint, sge->addr, sge->length);
}

static bool find(const struct sg_owner *owner, const struct vib_sge *sge, uint32_t access,
		 struct sg_part *part)
{
	uint8_t *at;

	if (__builtin_expect(key_is_window(sge->lkey), 0)) {
		if (sge->lkey != VIB_LOCAL_DMA_LKEY)
			return fast_reach(owner->vhca, sge->lkey, owner->pd, sge->addr,
					  sge->length, access, part);
		at = find_lent(owner, sge);
	} else {
		at = mr_reach(owner->vhca, owner->hint, sge->lkey, owner->pd, sge->addr,
			      sge->length, access);
		/* Of an HCA they have any keys. */
		if (!at && owner->vhca->wire)
			return fast_reach(owner->vhca, sge->lkey, owner->pd, sge->addr,
					  sge->length, access, part);
	}
	sg_part_at(part, at, sge->length);
	return at;
}

static void count(struct sg *sg, const struct sg_part *part)
{
	if (__builtin_expect(part->fast != NULL, 0)) {
		sg->paged++;
		sg->granted += __atomic_load_n(&part->fast->granted, __ATOMIC_RELAXED);
	} else {
		sg->granted += is_granted(part->at);
	}
	sg->count++;
	sg->bytes += part->length;
}

static void begin(struct sg *sg, const struct vhca *vhca)
{
	sg->count = 0;
	sg->granted = 0;
	sg->paged = 0;
	sg->bytes = 0;
	sg->vhca = vhca;
}

void sg_count_one(struct sg *sg, const struct vhca *vhca)
{
	begin(sg, vhca);
	count(sg, &sg->part[0]);
}

int sg_resolve(struct sg *sg, const struct sg_owner *owner, const struct vib_sge *sges,
	       uint32_t num_sge, uint32_t access)
{
	begin(sg, owner->vhca);
	for (uint32_t i = 0; i < num_sge; i++) {
		struct sg_part *part = &sg->part[sg->count];

		/* IBTA vol. 1 §10.7.2.2: an element of no length names nothing. */
		if (sges[i].length == 0)
			continue;
		if (!find(owner, &sges[i], access, part))
			return -1;
		count(sg, part);
	}
	return 0;
}

/*
 * A piece of which one side or both are granted, by chunks. Memory that is mapped from a
 * guest goes by way of our own. It begins where it does in its page, so that a page here
 * is a page there.
 */
static enum sg_copied copy_granted(const struct sg *dst, uint8_t *to,
				   const struct sg *src, uint8_t *from, uint64_t length)
{
	static _Thread_local uint8_t buffer[GRANTED_CHUNK + VIB_PAGE_SIZE]
		__attribute__((aligned(VIB_PAGE_SIZE)));
	uint8_t *data =
		buffer + (uintptr_t)(is_granted(from) ? from : to) % VIB_PAGE_SIZE;

	while (length) {
		uint64_t n = length < GRANTED_CHUNK ? length : GRANTED_CHUNK;

		if (!is_granted(from))
			memcpy(data, from, n);
		else if (granted_read(src->vhca, from, data, n) < 0)
			return SG_BAD_SRC;
		if (!is_granted(to))
			memcpy(to, data, n);
		else if (granted_write(dst->vhca, to, data, n) < 0)
			return SG_BAD_DST;
		to += n;
		from += n;
		length -= n;
	}
	return SG_COPIED;
}

int sg_fetch(struct sg *sg)
{
	static _Thread_local uint8_t buffer[SG_FETCH_BYTES];
	struct sg here;

	if (sg_is_plain(sg) || sg->bytes > sizeof(buffer))
		return 0;
	sg_one(&here, buffer, sg->bytes);
	if (sg_copy(&here, sg, 0, sg->bytes) != SG_COPIED)
		return -1;
	*sg = here;
	return 0;
}

static enum sg_copied copy_piece(const struct sg *dst, uint8_t *to, const struct sg *src,
				 uint8_t *from, uint64_t length, bool stream)
{
	if (__builtin_expect(is_granted(to) || is_granted(from), 0))
		return copy_granted(dst, to, src, from, length);
	if (stream)
		stream_copy(to, from, length);
	else
		memmove(to, from, length);
	return SG_COPIED;
}

/*
 * Where byte @offset of part @i is, and how many of *@n bytes follow it there, in *@n.
 * NULL: its pages are there no more.
 */
static uint8_t *place(const struct sg *sg, unsigned int i, uint64_t offset, uint64_t *n)
{
	const struct sg_part *part = &sg->part[i];

	if (__builtin_expect(part->fast != NULL, 0))
		return fast_place(part->fast, (uintptr_t)part->at + offset, n);
	return part->at + offset;
}

/* The part of @sg in which byte *@offset is; *@offset becomes relative to it. */
static unsigned int seek(const struct sg *sg, uint64_t *offset)
{
	unsigned int i = 0;

	while (*offset >= sg->part[i].length)
		*offset -= sg->part[i++].length;
	return i;
}

void sg_gather(uint8_t *to, const struct sg *src, uint64_t from, uint64_t length)
{
	unsigned int s;

	if (!length)
		return;
	for (s = seek(src, &from); length; s++, from = 0) {
		uint64_t n = src->part[s].length - from;

		if (n > length)
			n = length;
		memcpy(to, src->part[s].at + from, n);
		to += n;
		length -= n;
	}
}

enum sg_copied sg_copy_parts(const struct sg *dst, const struct sg *src, uint64_t from,
			     uint64_t length, bool stream)
{
	uint64_t to_off = from, from_off = from;
	enum sg_copied copied;
	unsigned int d, s;

	d = seek(dst, &to_off);
	s = seek(src, &from_off);
	for (;;) {
		uint64_t n = dst->part[d].length - to_off;
		uint8_t *to, *at;

		if (n > src->part[s].length - from_off)
			n = src->part[s].length - from_off;
		if (n > length)
			n = length;
		to = place(dst, d, to_off, &n);
		if (!to)
			return SG_BAD_DST;
		at = place(src, s, from_off, &n);
		if (!at)
			return SG_BAD_SRC;
		copied = copy_piece(dst, to, src, at, n, stream);
		if (copied != SG_COPIED)
			return copied;
		length -= n;
		if (length == 0)
			return SG_COPIED;
		to_off += n;
		from_off += n;
		if (to_off == dst->part[d].length) {
			d++;
			to_off = 0;
		}
		if (from_off == src->part[s].length) {
			s++;
			from_off = 0;
		}
	}
}
