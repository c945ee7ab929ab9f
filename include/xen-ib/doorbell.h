/* SPDX-License-Identifier: MIT */
/*
 * The doorbell page: how a producer tells the poller which of its queues have
 * new work, and how it learns whether the poller must be woken.
 *
 * One page per user context and one for the guest's kernel. A QP has an index
 * in its page, given at creation. Its bell is rung when its send or receive
 * queue wants to be notified (vib_queue_must_notify()); a queue that the poller
 * looks at anyway does not. Ringing sets the QP's bit in a leaf word and the
 * leaf's bit in a summary word; the poller takes whole words by exchanging them
 * with zero, summary first, so no bit is lost between the two.
 *
 * Anyone who can write the page can set any bit: a set bit is a hint to look
 * at a queue, never a statement about it.
 */
#ifndef XEN_IB_DOORBELL_H
#define XEN_IB_DOORBELL_H

#include <xen-ib/barrier.h>

#define VIB_DB_SUMMARY_WORDS 4
#define VIB_DB_LEAF_WORDS    (VIB_DB_SUMMARY_WORDS * 64)
#define VIB_DB_QUEUES        (VIB_DB_LEAF_WORDS * 64)

struct vib_doorbell_page {
	/* written by the poller */
	__u32 poller_sleeps; /* 1: an event is needed to be noticed */
	__u8 poller_reserved[VIB_LINE - 4];
	/* set by the producer, taken by the poller */
	__u64 summary[VIB_DB_SUMMARY_WORDS];
	__u8 summary_reserved[VIB_LINE - 8 * VIB_DB_SUMMARY_WORDS];
	__u64 leaf[VIB_DB_LEAF_WORDS];
	__u8 reserved[VIB_PAGE_SIZE - 2 * VIB_LINE - 8 * VIB_DB_LEAF_WORDS];
};
VIB_ASSERT_SIZE(struct vib_doorbell_page, VIB_PAGE_SIZE);
VIB_ASSERT_OFFSET(struct vib_doorbell_page, summary, 64);
VIB_ASSERT_OFFSET(struct vib_doorbell_page, leaf, 128);

/* Ring for queue @index (below VIB_DB_QUEUES). Returns 1 if an event must be sent. */
static inline int vib_doorbell_ring(struct vib_doorbell_page *page, __u32 index)
{
	__u32 leaf = index / 64;

	vib_or64(&page->leaf[leaf], (__u64)1 << (index % 64));
	vib_or64(&page->summary[leaf / 64], (__u64)1 << (leaf % 64));
	vib_full_barrier(); /* the bits are seen before the sleep word is read */
	return vib_read32(&page->poller_sleeps) != 0;
}

/* Take one summary word: bit b set means leaf word @word * 64 + b has bits. */
static inline __u64 vib_doorbell_take_summary(struct vib_doorbell_page *page, __u32 word)
{
	return vib_xchg64(&page->summary[word], 0);
}

/* Take one leaf word: bit b set means queue @leaf * 64 + b has work. */
static inline __u64 vib_doorbell_take_leaf(struct vib_doorbell_page *page, __u32 leaf)
{
	return vib_xchg64(&page->leaf[leaf], 0);
}

/*
 * Say that the poller sleeps. Returns 1 if a bell rang meanwhile: it must not
 * sleep yet.
 */
static inline int vib_doorbell_sleep(struct vib_doorbell_page *page)
{
	__u64 rang = 0;
	__u32 i;

	vib_write32(&page->poller_sleeps, 1);
	vib_full_barrier(); /* sleep is announced before the bells are read */
	for (i = 0; i < VIB_DB_SUMMARY_WORDS; i++)
		rang |= *(volatile __u64 *)&page->summary[i];
	return rang != 0;
}

static inline void vib_doorbell_wake(struct vib_doorbell_page *page)
{
	vib_write32(&page->poller_sleeps, 0);
}

#endif
