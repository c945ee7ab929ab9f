// SPDX-License-Identifier: GPL-2.0-or-later
#include "engine/sg.h"

#include "engine/dma.h"
#include "engine/mr.h"
#include "engine/stream.h"

/* Memory that is lent to do I/O with can be written: there are no rights to look at. */
static uint8_t *find(const struct sg_owner *owner, const struct vib_sge *sge,
		     uint32_t access)
{
	if (__builtin_expect(sge->lkey == VIB_LOCAL_DMA_LKEY, 0))
		return owner->kernel ? dma_reach(owner->vhca, owner->hint, sge->addr,
						 sge->length)
				     : NULL;
	return mr_reach(owner->vhca, owner->hint, sge->lkey, owner->pd, sge->addr,
			sge->length, access);
}

int sg_resolve(struct sg *sg, const struct sg_owner *owner, const struct vib_sge *sges,
	       uint32_t count, uint32_t access)
{
	sg->count = 0;
	sg->bytes = 0;
	for (uint32_t i = 0; i < count; i++) {
		uint8_t *at;

		/* IBTA vol. 1 §10.7.2.2: an element of no length names nothing. */
		if (sges[i].length == 0)
			continue;
		at = find(owner, &sges[i], access);
		if (!at)
			return -1;
		sg->part[sg->count].at = at;
		sg->part[sg->count++].length = sges[i].length;
		sg->bytes += sges[i].length;
	}
	return 0;
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

void sg_copy_parts(const struct sg *dst, const struct sg *src, uint64_t from,
		   uint64_t length, bool stream)
{
	uint64_t to_off = from, from_off = from;
	unsigned int d, s;

	d = seek(dst, &to_off);
	s = seek(src, &from_off);
	for (;;) {
		uint64_t n = dst->part[d].length - to_off;

		if (n > src->part[s].length - from_off)
			n = src->part[s].length - from_off;
		if (n > length)
			n = length;
		if (stream)
			stream_copy(dst->part[d].at + to_off, src->part[s].at + from_off,
				    n);
		else
			memmove(dst->part[d].at + to_off, src->part[s].at + from_off, n);
		length -= n;
		if (length == 0)
			return;
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
