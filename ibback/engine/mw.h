/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Memory windows: a part of an MR that peers may reach under a key of its own. IBTA
 * vol. 1 §10.6.7; those of type 1 belong to a PD, those of type 2, as 2B, to the QP
 * that bound them.
 *
 * What a window shows changes while pollers work: by requests of its guest on one
 * poller, under the copies of peers on another. So everything of it is under its
 * lock, and who copies through it keeps that until its share is done:
 * when a request that ends a binding completes, nobody writes there any more.
 * Pollers only try for the lock, and otherwise go on with something else; so do
 * they for the locks of QPs, and the control thread waits for both.
 *
 * An MR does not end while a window is bound to it (mr.h), so a window that is bound
 * may point into it.
 *
 * A key of fast registration (fast.h) is one of these, too: never bound, and of no type.
 */
#ifndef XEN_IB_IBBACK_MW_H
#define XEN_IB_IBBACK_MW_H

#include <pthread.h>
#include <stdbool.h>
#include <sys/queue.h>

#include <xen-ib/object.h>

#include "engine/table.h"

struct fast;
struct mr;
struct qp;
struct sg_part;
struct vhca;

/* A window's number is the upper 24 bits of its keys; the last would have 0xffffffff,
 * which is VIB_LOCAL_DMA_LKEY, and VIB_NO_OBJECT. Those of an HCA are any.
 */
#define MW_FIRST    0x800000u
#define MW_LAST     0xfffffeu
#define MW_KEY_BITS 8
_Static_assert(MW_LAST < VIB_LOCAL_DMA_LKEY >> MW_KEY_BITS, "no window has the key");

/* Is @key a window's, if anything's? Of a key that is not an HCA's. */
static inline bool key_is_window(uint32_t key)
{
	return key >= MW_FIRST << MW_KEY_BITS;
}

struct mw {
	struct table_node node;
	enum vib_mw_type type; /* 0 with the next */
	struct fast *fast;     /* NULL: a window */
	uint32_t pd;

	pthread_spinlock_t lock;
	bool gone;       /* is out of the table */
	uint32_t key;    /* its rkey */
	struct mr *mr;   /* NULL: not bound, and the rest is nothing */
	struct qp *qp;   /* type 2, and at an HCA: that bound it; atomic there */
	uint32_t access; /* REMOTE_ of enum vib_access */
	uint64_t start;  /* peers' address of its first byte */
	uint64_t length;
	uint8_t *at;
	LIST_ENTRY(mw) entry; /* with @qp: of its windows, under the QP's lock too */
};

LIST_HEAD(mw_list, mw);

/* End its binding. It is locked, and so is the QP that bound it, if one did. */
void mw_unbind(struct mw *mw);

enum mw_result {
	MW_OK,
	MW_BUSY,   /* another is at work on it: try again in the next pass */
	MW_DENIED, /* it is not so */
};

struct vib_send_wqe;

/*
 * Bind, rebind or unbind as the BIND_MW request @wqe of @qp has it. The QP is locked.
 * Its poller.
 */
enum mw_result mw_bind(struct qp *qp, const struct vib_send_wqe *wqe);

/* The window that has @key among its keys, locked; NULL after setting *@result. */
struct mw *mw_take(const struct vhca *vhca, uint32_t key, enum mw_result *result);

/*
 * Unbind the window of type 2 with @key, or free that key, for @qp, which is locked: by a
 * request of its own, or of its peer. One that is not bound, or free, stays so. Any
 * poller.
 */
enum mw_result mw_invalidate(struct qp *qp, uint32_t key);

/*
 * Find what a peer reaches at @addr under @key by a request to @qp, which is locked:
 * @length bytes, not 0, with all rights of @access. With MW_OK, *@part is it, and
 * the window is locked until mw_release(). Any poller.
 */
enum mw_result mw_reach(const struct qp *qp, uint32_t key, uint64_t addr, uint64_t length,
			uint32_t access, struct mw **window, struct sg_part *part);
void mw_release(struct mw *mw);

/* @qp, which is locked, is reset or ends, and with it what it bound. The control thread.
 */
void mw_unbind_all(struct qp *qp);

#endif
