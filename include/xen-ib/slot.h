/* SPDX-License-Identifier: MIT */
/*
 * The queue every other structure is made of: a power-of-two number of slots
 * of a fixed stride, one producer in one domain and one consumer in another.
 *
 * A slot's validity travels in the slot. Its first word is a generation: the
 * slot of index i holds the entry of index i exactly if that word is
 * vib_slot_gen(i). The producer writes it last, the consumer reads it first,
 * and so the consumer polls the line that holds the work. Memory starts
 * zeroed, which is no generation.
 *
 * Ahead of the slots stands a header of two lines: one for the consumer's
 * wishes, which change seldom, so that the producer reads them from its own
 * cache; one for the consumer's index, which tells the producer how far it may
 * go and is hostile until vib_queue_room() has bounded it. The notification
 * index works as RING_FINAL_CHECK's rsp_event does in xen/io/ring.h: the
 * producer sends an event, or rings the bell of a work queue, only when it
 * passes the index the consumer asked for.
 *
 * Indices are free-running and wrap at 2^32.
 */
#ifndef XEN_IB_SLOT_H
#define XEN_IB_SLOT_H

#include <xen-ib/barrier.h>

struct vib_queue_header {
	/* the consumer's wishes, seldom written */
	__u32 notify; /* send an event when the entry of this index is produced */
	__u32 arm;    /* completion queues: enum vib_cq_arm */
	__u8 wishes_reserved[VIB_LINE - 8];
	/* written by the consumer as it goes */
	__u32 cons; /* index of the next entry it will take */
	__u8 consumer_reserved[VIB_LINE - 4];
};
VIB_ASSERT_SIZE(struct vib_queue_header, 128);
VIB_ASSERT_OFFSET(struct vib_queue_header, notify, 0);
VIB_ASSERT_OFFSET(struct vib_queue_header, arm, 4);
VIB_ASSERT_OFFSET(struct vib_queue_header, cons, 64);

/* Where the slots begin, from the start of a queue's memory. */
#define VIB_QUEUE_SLOTS_OFFSET 128

/* The smallest queue: with one slot the generation would come round to 0. */
#define VIB_QUEUE_MIN_ORDER    1
/*
 * The largest queue, one of completions: 2^18 entries. Bounds what one page list can ask
 * for. All 1024 peers of an endpoint of libfabric's ofi_rxm share one, with up to 256
 * completions each.
 */
#define VIB_QUEUE_MAX_ORDER    18
/* The largest queue of requests: 2^16 entries. */
#define VIB_WQ_MAX_ORDER       16

/* One side's private view of a queue. Never lives in shared memory. */
struct vib_queue {
	struct vib_queue_header *hdr; /* shared */
	__u32 stride;                 /* bytes from one slot to the next */
	__u32 order;                  /* log2 of the number of slots */
	__u32 index;                  /* next to produce, or next to consume */
	__u32 seen_cons;              /* producer: the consumer's index when last read */
};

/* Bytes of queue memory, header included. */
static inline __u64 vib_queue_bytes(__u32 order, __u32 stride)
{
	return VIB_QUEUE_SLOTS_OFFSET + ((__u64)stride << order);
}

static inline void vib_queue_init(struct vib_queue *q, void *memory, __u32 order,
				  __u32 stride)
{
	q->hdr = (struct vib_queue_header *)memory;
	q->stride = stride;
	q->order = order;
	q->index = 0;
	q->seen_cons = 0;
}

static inline __u32 vib_queue_depth(const struct vib_queue *q)
{
	return (__u32)1 << q->order;
}

/* The generation that marks the entry of @index: never 0, as order >= 1. */
static inline __u32 vib_slot_gen(__u32 index, __u32 order)
{
	return (index >> order) + 1;
}

/* The slot of @index; its first word is the generation. */
static inline __u32 *vib_slot_at(const struct vib_queue *q, __u32 index)
{
	__u32 pos = index & (vib_queue_depth(q) - 1);

	return (__u32 *)((__u8 *)q->hdr + VIB_QUEUE_SLOTS_OFFSET +
			 (unsigned long)pos * q->stride);
}

/* ---- producer ---------------------------------------------------------- */

/*
 * Free slots, from the consumer's index read once. -1 if that index is not
 * within the queue's depth of ours: the consumer broke the protocol.
 */
static inline int vib_queue_room(const struct vib_queue *q)
{
	__u32 used = q->index - vib_observe32(&q->hdr->cons);

	if (used > vib_queue_depth(q))
		return -1;
	return (int)(vib_queue_depth(q) - used);
}

/*
 * Is there a free slot? Reads the consumer's line only when the slots known to
 * be free are used up. 1, or 0 when the queue is full, or -1 as above.
 */
static inline int vib_queue_may_produce(struct vib_queue *q)
{
	int room;

	if (q->index - q->seen_cons < vib_queue_depth(q))
		return 1;
	room = vib_queue_room(q);
	if (room <= 0)
		return room;
	q->seen_cons = q->index - (vib_queue_depth(q) - (__u32)room);
	return 1;
}

/* The slot to fill next: write all but its first word, then vib_queue_produce(). */
static inline void *vib_queue_next_slot(const struct vib_queue *q)
{
	return vib_slot_at(q, q->index);
}

/* Make the filled slot valid. */
static inline void vib_queue_produce(struct vib_queue *q)
{
	vib_publish32(vib_slot_at(q, q->index), vib_slot_gen(q->index, q->order));
	q->index++;
}

/* After producing entries from @from on: does the consumer want an event? */
static inline int vib_queue_must_notify(const struct vib_queue *q, __u32 from)
{
	__u32 produced = q->index - from;

	vib_full_barrier(); /* entries are seen before the wish is read */
	return q->index - vib_read32(&q->hdr->notify) - 1 < produced;
}

/* ---- consumer ---------------------------------------------------------- */

/*
 * The next entry, or a null pointer if it is not there yet. The producer can
 * still write to it: copy it once, then check the copy.
 */
static inline const void *vib_queue_peek(const struct vib_queue *q)
{
	__u32 *slot = vib_slot_at(q, q->index);

	if (vib_observe32(slot) != vib_slot_gen(q->index, q->order))
		return (const void *)0;
	return slot;
}

/* Are there at least @count entries? Holds for a producer that fills in order. */
static inline int vib_queue_holds(const struct vib_queue *q, __u32 count)
{
	__u32 last = q->index + count - 1;

	if (count == 0)
		return 1;
	if (count > vib_queue_depth(q))
		return 0;
	return vib_observe32(vib_slot_at(q, last)) == vib_slot_gen(last, q->order);
}

/* Go on to the next entry, keeping the slot. */
static inline void vib_queue_advance(struct vib_queue *q)
{
	q->index++;
}

/* Give all slots up to here back to the producer. */
static inline void vib_queue_release(const struct vib_queue *q)
{
	vib_publish32(&q->hdr->cons, q->index);
}

/* Give the peeked slot back to the producer and go on to the next. */
static inline void vib_queue_consume(struct vib_queue *q)
{
	vib_queue_advance(q);
	vib_queue_release(q);
}

/*
 * Ask for an event at the next entry. Returns 1 if an entry came meanwhile:
 * take it, no event may come for it.
 */
static inline int vib_queue_arm(const struct vib_queue *q)
{
	vib_write32(&q->hdr->notify, q->index);
	vib_full_barrier(); /* the wish is seen before the slot is read */
	return vib_queue_peek(q) != (const void *)0;
}

#endif
