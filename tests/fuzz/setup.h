/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A guest that has one of everything, and memory around it that nobody may write. */
#ifndef XEN_IB_TESTS_FUZZ_SETUP_H
#define XEN_IB_TESTS_FUZZ_SETUP_H

#include "driver.h"

/* Its QPs, in order of their making, of which QP and CQ numbers here speak. */
enum setup_qp {
	SETUP_RC,
	SETUP_RC_SRQ,
	SETUP_UC,
	SETUP_UD,
	SETUP_UD_SRQ,
	SETUP_XRC_INI, /* connected to its peer's target */
	SETUP_XRC_TGT,
	SETUP_SMI,
	SETUP_GSI,
	SETUP_QPS,
};

/* The send queue of QP i completes into CQ i & 1, its receives into i >> 1 & 1. */
enum setup_cq {
	SETUP_CQ_EVENTS, /* has an EQ */
	SETUP_CQ_QUIET,
	SETUP_CQS,
};

enum setup_srq {
	SETUP_SRQ,
	SETUP_SRQ_XRC, /* of the target's domain; completes into SETUP_CQ_EVENTS */
};

/* MRs: all rights; local alone; read by peers; written by peers; as of device memory.
 * Windows may be bound to the second and third, of which nobody may write the third.
 */
#define SETUP_MRS       5
/* Memory of its kernel: of the QPs for MADs, and of those with the flag. */
#define SETUP_DMA_PAGES 2

/* Windows: of type 1 and 2 in turn; behind them a key of ALLOC_MR. */
#define SETUP_MWS       4
#define SETUP_FAST      SETUP_MWS
/* Bytes of their first page before them, of their last behind them. */
#define SETUP_MR_OFFSET 104
#define SETUP_MR_SHORT  24

/* The event channel of its EQ. */
#define SETUP_EQ_PORT   2

void setup_guest(struct driver *d, struct world_guest *g, uint32_t qkey);

/* Connect each QP of @d to that of guest @peer, as far as that does the same. */
void setup_bring_up(struct driver *d, unsigned int peer);

/* Have its first QP bind its first two windows, whose second then counts from 0. */
void setup_bind_windows(struct driver *d);

/* Have its second QP, its kernel's, register its last key: pages of its kernel. */
void setup_register(struct driver *d);

/* Note, and fill, what nobody may write of the memory of @d. */
void setup_holes(const struct driver *d);
void setup_forget_holes(void);

/* Abort if anybody did. */
void setup_check_holes(void);

#endif
