/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Windows of type 2B at the HCA in memory (fake_verbs.h), as strict as may be: what rxe
 * of Linux 6.1 has the machine crash of ends the test. That is a LOCAL_INV or
 * SEND_WITH_INV of a window that is free, unless fake_hca.invalidates_free, and a QP that
 * ends while windows are bound to it.
 */
#ifndef XEN_IB_TESTS_FAKE_MW_H
#define XEN_IB_TESTS_FAKE_MW_H

#include <stdbool.h>
#include <stdint.h>

#include <infiniband/verbs.h>

/* ---- fake_mw.c ------------------------------------------------------------ */

struct ibv_mw *fake_alloc_mw(struct ibv_pd *pd, enum ibv_mw_type type);
int fake_dealloc_mw(struct ibv_mw *mw);

/* Execute the bind @wr of @qp, of the window that had @rkey when it was posted. */
enum ibv_wc_status fake_mw_bind(struct ibv_qp *qp, const struct ibv_send_wr *wr,
				uint32_t rkey);
/* For a request of @qp or of its peer. false: it is none of @qp's. */
bool fake_mw_invalidate(struct ibv_qp *qp, uint32_t rkey);
/* What a peer of @qp reaches; NULL: nothing. */
uint8_t *fake_mw_reach(struct ibv_qp *qp, uint32_t rkey, uint64_t addr, uint64_t length,
		       int access);
bool fake_mw_is_over(const struct ibv_mr *mr);
bool fake_mw_is_of(const struct ibv_qp *qp);
bool fake_mw_is_in(const struct ibv_pd *pd);

/* ---- fake_verbs.c --------------------------------------------------------- */

/* The next key of anything. */
uint32_t fake_next_key(void);
/* What @mr is at @addr, if it has all of it and all of @access; else NULL. */
uint8_t *fake_mr_at(const struct ibv_mr *mr, uint64_t addr, uint64_t length, int access);

#endif
