/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Fast registration by a pair: its key shows two pages of what it has lent for that. */
#ifndef VIB_HOSTILE_FAST_H
#define VIB_HOSTILE_FAST_H

#include "pair.h"

#define FAST_MAX_PAGES	4
#define FAST_OFFSET	8	/* of the first byte, in its page */
#define FAST_LENGTH	((u32)PAGE_SIZE)

/* Has the backend any? */
static inline bool fast_offered(const struct hostile *h)
{
	return h->caps & VIB_CAP_FRWR;
}

/* ALLOC_MR. */
int fast_alloc(struct hostile *h, u32 pd, u32 max_pages, u32 key, u32 *made);
/* DEREG_MR. */
int fast_dereg(struct hostile *h, u32 key);

/* Of the list in memory that is lent. */
struct vib_page_list *fast_list(const struct pair *p);
u64 *fast_entries(const struct pair *p);

/* Put REG_MR under the next value of p->key, of list and operands that are right. */
struct vib_send_wqe *fast_put(struct pair *p, enum pair_end end);
/* Put LOCAL_INV. */
void fast_put_inv(struct pair *p, enum pair_end end, u32 key);

#endif
