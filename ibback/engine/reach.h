/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The way of a message of RC or UC to its peer's memory: by an MR or a window. */
#ifndef XEN_IB_IBBACK_REACH_H
#define XEN_IB_IBBACK_REACH_H

#include "engine/mr.h"
#include "engine/mw.h"
#include "engine/qp.h"
#include "engine/send.h"
#include "engine/sg.h"
#include "engine/vhca.h"

/* The same as reach() does, through a window, of a length. */
bool reach_window(struct share *share, uint64_t addr, uint32_t rkey, uint64_t length,
		  uint32_t access, struct sg *sg);

/*
 * The peer's memory that the request names, or none of it if it has no length. false
 * if it is not to be reached, or, with share->busy, not now.
 */
__attribute__((always_inline)) static inline bool reach(struct share *share,
							uint64_t addr, uint32_t rkey,
							uint64_t length, uint32_t access,
							struct sg *sg)
{
	uint8_t *at = NULL;

	if (length) {
		if (__builtin_expect(key_is_window(rkey), 0))
			return reach_window(share, addr, rkey, length, access, sg);
		at = mr_reach(share->peer->vhca, &share->qp->remote_mr, rkey,
			      share->peer->pd, addr, length, access);
		if (!at) /* windows of an HCA have any keys */
			return __builtin_expect(share->peer->vhca->wire != NULL, 0) &&
			       reach_window(share, addr, rkey, length, access, sg);
	}
	sg_one(sg, at, length);
	return true;
}

/* For a request whose reach() failed. */
enum send_result unreached(struct share *share);

/* READs and atomics, which take a resource of it: will the peer answer? */
static inline bool responds(const struct share *share, uint32_t access)
{
	return share->peer->attr.access_flags & access &&
	       share->peer->attr.max_dest_rd_atomic;
}

#endif
