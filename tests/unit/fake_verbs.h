/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * libibverbs over an HCA in memory: one device, "fake0", whose port loops everything
 * back. A QP reaches any other by its number, so a test's own QP is a machine behind the
 * wire. What is posted is done by fake_hca_run(), in order, and checked as an HCA would:
 * states, keys, PDs, bounds, rights, inline data, room in queues.
 */
#ifndef XEN_IB_TESTS_FAKE_VERBS_H
#define XEN_IB_TESTS_FAKE_VERBS_H

#include <stdbool.h>
#include <stdint.h>

#include <infiniband/verbs.h>

struct fake_hca {
	bool ethernet;
	bool down;
	bool removed; /* but still open */
	unsigned int num_gids;
	struct ibv_gid_entry gids[16];
	uint16_t pkeys[4];
	uint32_t max_inline; /* more is refused */
	int max_qp_wr;
	int max_srq;
	bool atomics;
	bool windows;          /* of type 2B, see fake_mw.h */
	bool invalidates_free; /* a LOCAL_INV of a window that is free succeeds */
	uint32_t vendor_id;    /* FAKE_RXE: it says SEND_WITH_INV by the kernel's flag */
	bool pins_for_writing; /* all memory that is registered, as Linux before 6.2 */
	/* What the next call of these fails with; 0: it does not. */
	int reg_mr_error, create_qp_error, modify_qp_error, post_send_error,
		post_srq_recv_error, ah_error, alloc_mw_error;
	unsigned int sends_before_error; /* that are posted before post_send_error */
	enum ibv_wc_status send_status;  /* of the next request that is done, the same */
	unsigned int draining; /* questions until a send queue in SQD is empty */
	bool busy;             /* does what is posted before a QP changes, too */
	bool purges; /* a reset QP leaves no completions, as with mlx5; else as with rxe
		      */
	/* What there is now. */
	unsigned int pds, mrs, cqs, srqs, qps, ahs, channels, contexts, attached;
	unsigned int mws;
	unsigned int atomics_done;
	unsigned int binds; /* of windows that were done */
	unsigned int posts; /* calls of ibv_post_send() */
	bool qp_event_waits;
};

extern struct fake_hca fake_hca;

#define FAKE_RXE 0xffffff

/* As new: an Ethernet port, up, without GIDs, P_Key 0xffff. */
void fake_hca_reset(void);
/* Add GID @raw, as RoCE v2. Returns its index. */
int fake_hca_add_gid(const uint8_t raw[16]);
/* Do what is posted. true if there was some. */
bool fake_hca_run(void);
/* Have the port tell of @type, of QP @qp_num, or its CQ or SRQ, or of none. */
void fake_hca_event(struct ibv_context *context, enum ibv_event_type type,
		    uint32_t qp_num);
/* The state and the attributes of QP @number as last set; NULL: there is none. */
const struct ibv_qp_attr *fake_hca_qp(uint32_t number);
/* Receives posted to it, and requests that it has not done. */
unsigned int fake_hca_receives(uint32_t number);
unsigned int fake_hca_sends(uint32_t number);

/* Of the SRQ that was made last. */
unsigned int fake_hca_srq_receives(void);

/* A datagram of 8 bytes comes to QP @to as if from @from, to @dgid, with GID @index. */
void fake_hca_forge(uint32_t to, uint32_t from, const uint8_t dgid[16],
		    unsigned int index);

#endif
