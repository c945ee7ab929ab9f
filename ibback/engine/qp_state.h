/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The rules of MODIFY_QP: which state follows which, with which attributes
 * (IBTA vol. 1 §11.2.5.2, "QP State Transition Properties"), and what values
 * these may have. No side effects: the caller acts on the answer.
 */
#ifndef XEN_IB_IBBACK_QP_STATE_H
#define XEN_IB_IBBACK_QP_STATE_H

#include <stdint.h>

#include <xen-ib/object.h>

struct qp_limits {
	uint16_t pkey_tbl_len;
	uint16_t gid_tbl_len;
	uint8_t max_rd_atomic; /* as requester, and as responder */
};

/*
 * May a QP go from @from to @to with just the attributes in @mask? Returns 0;
 * or -EINVAL, or -EOPNOTSUPP for an attribute this device does not have, with
 * the reason in @why. VIB_QP_STATE and VIB_QP_CUR_STATE may always be there;
 * whether the QP is in @from, and drained in SQD, is for the caller to know.
 */
int qp_transition_check(enum vib_qp_type type, enum vib_qp_state from,
			enum vib_qp_state to, uint32_t mask, const char **why);

/* May the attributes in @mask have these values? Returns as above. */
int qp_attr_check(enum vib_qp_type type, uint32_t mask, const struct vib_qp_attr *attr,
		  const struct qp_limits *limits, const char **why);

/*
 * Take over the attributes in @mask. Not VIB_QP_CUR_STATE: that is what the
 * frontend believed beforehand, and nothing the QP has.
 */
void qp_attr_apply(struct vib_qp_attr *qp, uint32_t mask, const struct vib_qp_attr *attr);

/* Of both times' codes the low 5 bits count, which is all that checked ones have. */
uint64_t qp_ack_timeout_ns(uint8_t timeout); /* UINT64_MAX: never */
uint64_t qp_rnr_timer_ns(uint8_t min_rnr_timer);

#endif
