// SPDX-License-Identifier: GPL-2.0-or-later
#include "engine/qp_state.h"

#include <errno.h>
#include <stdbool.h>
#include <stddef.h>

#include <xen-ib/port.h>

#define ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))

#define RC            (1u << VIB_QPT_RC)
#define UC            (1u << VIB_QPT_UC)
#define UD            (1u << VIB_QPT_UD)
#define MAD           (1u << VIB_QPT_SMI | 1u << VIB_QPT_GSI)
#define INI           (1u << VIB_QPT_XRC_INI)
#define TGT           (1u << VIB_QPT_XRC_TGT)

#define UNSUPPORTED   (VIB_QP_ALT_PATH | VIB_QP_PATH_MIG_STATE | VIB_QP_CAP)

struct transition {
	enum vib_qp_state from;
	enum vib_qp_state to;
	uint32_t types;
	uint32_t required;
	uint32_t optional;
};

/* Without those to RESET and to ERR, which need and take nothing. */
static const struct transition transitions[] = {
	{ VIB_QPS_RESET, VIB_QPS_INIT, RC | UC | INI | TGT,
	  VIB_QP_PKEY_INDEX | VIB_QP_PORT | VIB_QP_ACCESS_FLAGS, 0 },
	{ VIB_QPS_RESET, VIB_QPS_INIT, UD, VIB_QP_PKEY_INDEX | VIB_QP_PORT | VIB_QP_QKEY,
	  0 },
	/* QP0 and QP1 are a port's, and need not be told. */
	{ VIB_QPS_RESET, VIB_QPS_INIT, MAD, VIB_QP_PKEY_INDEX | VIB_QP_QKEY,
	  VIB_QP_PORT },

	{ VIB_QPS_INIT, VIB_QPS_INIT, RC | UC | INI | TGT, 0,
	  VIB_QP_PKEY_INDEX | VIB_QP_PORT | VIB_QP_ACCESS_FLAGS },
	{ VIB_QPS_INIT, VIB_QPS_INIT, UD | MAD, 0,
	  VIB_QP_PKEY_INDEX | VIB_QP_PORT | VIB_QP_QKEY },

	{ VIB_QPS_INIT, VIB_QPS_RTR, RC | TGT,
	  VIB_QP_AV | VIB_QP_PATH_MTU | VIB_QP_DEST_QPN | VIB_QP_RQ_PSN |
		  VIB_QP_MAX_DEST_RD_ATOMIC | VIB_QP_MIN_RNR_TIMER,
	  VIB_QP_PKEY_INDEX | VIB_QP_ACCESS_FLAGS },
	{ VIB_QPS_INIT, VIB_QPS_RTR, UC | INI,
	  VIB_QP_AV | VIB_QP_PATH_MTU | VIB_QP_DEST_QPN | VIB_QP_RQ_PSN,
	  VIB_QP_PKEY_INDEX | VIB_QP_ACCESS_FLAGS },
	{ VIB_QPS_INIT, VIB_QPS_RTR, UD | MAD, 0, VIB_QP_PKEY_INDEX | VIB_QP_QKEY },

	{ VIB_QPS_RTR, VIB_QPS_RTS, RC,
	  VIB_QP_SQ_PSN | VIB_QP_TIMEOUT | VIB_QP_RETRY_CNT | VIB_QP_RNR_RETRY |
		  VIB_QP_MAX_QP_RD_ATOMIC,
	  VIB_QP_ACCESS_FLAGS | VIB_QP_MIN_RNR_TIMER },
	{ VIB_QPS_RTR, VIB_QPS_RTS, INI,
	  VIB_QP_SQ_PSN | VIB_QP_TIMEOUT | VIB_QP_RETRY_CNT | VIB_QP_RNR_RETRY |
		  VIB_QP_MAX_QP_RD_ATOMIC,
	  VIB_QP_ACCESS_FLAGS },
	{ VIB_QPS_RTR, VIB_QPS_RTS, TGT, VIB_QP_SQ_PSN | VIB_QP_TIMEOUT,
	  VIB_QP_ACCESS_FLAGS | VIB_QP_MIN_RNR_TIMER },
	{ VIB_QPS_RTR, VIB_QPS_RTS, UC, VIB_QP_SQ_PSN, VIB_QP_ACCESS_FLAGS },
	{ VIB_QPS_RTR, VIB_QPS_RTS, UD | MAD, VIB_QP_SQ_PSN, VIB_QP_QKEY },

	{ VIB_QPS_RTS, VIB_QPS_RTS, RC | TGT, 0,
	  VIB_QP_ACCESS_FLAGS | VIB_QP_MIN_RNR_TIMER },
	{ VIB_QPS_RTS, VIB_QPS_RTS, UC | INI, 0, VIB_QP_ACCESS_FLAGS },
	{ VIB_QPS_RTS, VIB_QPS_RTS, UD | MAD, 0, VIB_QP_QKEY },

	{ VIB_QPS_RTS, VIB_QPS_SQD, RC | UC | UD | MAD | INI | TGT, 0,
	  VIB_QP_EN_SQD_ASYNC_NOTIFY },

	{ VIB_QPS_SQD, VIB_QPS_RTS, RC | TGT, 0,
	  VIB_QP_ACCESS_FLAGS | VIB_QP_MIN_RNR_TIMER },
	{ VIB_QPS_SQD, VIB_QPS_RTS, UC | INI, 0, VIB_QP_ACCESS_FLAGS },
	{ VIB_QPS_SQD, VIB_QPS_RTS, UD | MAD, 0, VIB_QP_QKEY },

	{ VIB_QPS_SQD, VIB_QPS_SQD, RC, 0,
	  VIB_QP_PKEY_INDEX | VIB_QP_PORT | VIB_QP_ACCESS_FLAGS | VIB_QP_AV |
		  VIB_QP_TIMEOUT | VIB_QP_RETRY_CNT | VIB_QP_RNR_RETRY |
		  VIB_QP_MIN_RNR_TIMER | VIB_QP_MAX_QP_RD_ATOMIC |
		  VIB_QP_MAX_DEST_RD_ATOMIC },
	{ VIB_QPS_SQD, VIB_QPS_SQD, INI, 0,
	  VIB_QP_PKEY_INDEX | VIB_QP_PORT | VIB_QP_ACCESS_FLAGS | VIB_QP_AV |
		  VIB_QP_TIMEOUT | VIB_QP_RETRY_CNT | VIB_QP_RNR_RETRY |
		  VIB_QP_MAX_QP_RD_ATOMIC },
	{ VIB_QPS_SQD, VIB_QPS_SQD, TGT, 0,
	  VIB_QP_PKEY_INDEX | VIB_QP_PORT | VIB_QP_ACCESS_FLAGS | VIB_QP_AV |
		  VIB_QP_TIMEOUT | VIB_QP_MIN_RNR_TIMER | VIB_QP_MAX_DEST_RD_ATOMIC },
	{ VIB_QPS_SQD, VIB_QPS_SQD, UC, 0,
	  VIB_QP_PKEY_INDEX | VIB_QP_ACCESS_FLAGS | VIB_QP_AV },
	{ VIB_QPS_SQD, VIB_QPS_SQD, UD | MAD, 0, VIB_QP_PKEY_INDEX | VIB_QP_QKEY },

	/* A reliable QP is never in SQE: its errors take it to ERR (§10.3.1.6). */
	{ VIB_QPS_SQE, VIB_QPS_RTS, UC, 0, VIB_QP_ACCESS_FLAGS },
	{ VIB_QPS_SQE, VIB_QPS_RTS, UD | MAD, 0, VIB_QP_QKEY },
};

static const struct transition to_reset_or_err = { 0 };

#define PAIR(from, to) [VIB_QPS_##to] = #from " to " #to ": no such transition"
#define PAIRS(from)                                                              \
	[VIB_QPS_##from] = { PAIR(from, INIT), PAIR(from, RTR), PAIR(from, RTS), \
			     PAIR(from, SQD),  PAIR(from, SQE), PAIR(from, ERR) }

static const char *const no_such_transition[][VIB_QPS_ERR + 1] = {
	PAIRS(RESET), PAIRS(INIT), PAIRS(RTR), PAIRS(RTS),
	PAIRS(SQD),   PAIRS(SQE),  PAIRS(ERR),
};

struct attribute {
	uint32_t bit;
	const char *missing;
	const char *not_taken;
	const char *bad_value;
};

#define ATTRIBUTE(name)                                            \
	{                                                          \
		VIB_QP_##name, "attribute " #name " missing",      \
			"attribute " #name " not taken here",      \
			"attribute " #name " has an illegal value" \
	}

static const struct attribute attributes[] = {
	ATTRIBUTE(STATE),
	ATTRIBUTE(CUR_STATE),
	ATTRIBUTE(EN_SQD_ASYNC_NOTIFY),
	ATTRIBUTE(ACCESS_FLAGS),
	ATTRIBUTE(PKEY_INDEX),
	ATTRIBUTE(PORT),
	ATTRIBUTE(QKEY),
	ATTRIBUTE(AV),
	ATTRIBUTE(PATH_MTU),
	ATTRIBUTE(TIMEOUT),
	ATTRIBUTE(RETRY_CNT),
	ATTRIBUTE(RNR_RETRY),
	ATTRIBUTE(RQ_PSN),
	ATTRIBUTE(MAX_QP_RD_ATOMIC),
	ATTRIBUTE(MIN_RNR_TIMER),
	ATTRIBUTE(SQ_PSN),
	ATTRIBUTE(MAX_DEST_RD_ATOMIC),
	ATTRIBUTE(DEST_QPN),
};

static int refuse(const char **why, const char *reason)
{
	*why = reason;
	return -EINVAL;
}

/* Every bit of @mask is an attribute, and one that this device has. */
static int mask_check(uint32_t mask, const char **why)
{
	uint32_t unknown = mask & ~UNSUPPORTED;

	for (size_t i = 0; i < ARRAY_SIZE(attributes); i++)
		unknown &= ~attributes[i].bit;
	if (unknown)
		return refuse(why, "unknown attribute");
	if (mask & UNSUPPORTED) {
		*why = "attribute ALT_PATH, PATH_MIG_STATE or CAP not supported";
		return -EOPNOTSUPP;
	}
	return 0;
}

static const struct transition *
find_transition(enum vib_qp_type type, enum vib_qp_state from, enum vib_qp_state to)
{
	/* Out of RESET there is one way, and nothing to flush. */
	if (to == VIB_QPS_RESET || (to == VIB_QPS_ERR && from != VIB_QPS_RESET))
		return &to_reset_or_err;
	for (size_t i = 0; i < ARRAY_SIZE(transitions); i++) {
		const struct transition *t = &transitions[i];

		if (t->from == from && t->to == to && t->types & 1u << type)
			return t;
	}
	return NULL;
}

int qp_transition_check(enum vib_qp_type type, enum vib_qp_state from,
			enum vib_qp_state to, uint32_t mask, const char **why)
{
	uint32_t given = mask & ~(uint32_t)(VIB_QP_STATE | VIB_QP_CUR_STATE);
	const struct transition *t;
	int err;

	if (type > VIB_QPT_XRC_TGT || !(1u << type & (RC | UC | UD | MAD | INI | TGT)))
		return refuse(why, "no such QP type");
	if (from > VIB_QPS_ERR || to > VIB_QPS_ERR)
		return refuse(why, "no such QP state");
	t = find_transition(type, from, to);
	if (!t)
		return refuse(why, no_such_transition[from][to]);
	err = mask_check(mask, why);
	if (err)
		return err;

	for (size_t i = 0; i < ARRAY_SIZE(attributes); i++) {
		const struct attribute *a = &attributes[i];

		if (t->required & ~given & a->bit)
			return refuse(why, a->missing);
		if (given & ~(t->required | t->optional) & a->bit)
			return refuse(why, a->not_taken);
	}
	return 0;
}

static bool av_ok(enum vib_qp_type type, const struct vib_av *av,
		  const struct qp_limits *limits)
{
	if (av->flags & VIB_AV_GRH)
		return av->sgid_index < limits->gid_tbl_len;
	/* A peer has a unicast LID: IBTA vol. 1 §4.1.3. */
	return vib_qp_type_is_datagram((uint8_t)type) ||
	       (av->dlid >= 1 && av->dlid <= 0xbfff);
}

/* The bounds without another source are the widths of the fields in IBTA vol. 1 §9. */
static bool value_ok(enum vib_qp_type type, uint32_t bit, const struct vib_qp_attr *attr,
		     const struct qp_limits *limits)
{
	switch (bit) {
	case VIB_QP_STATE:
		return attr->state <= VIB_QPS_ERR;
	case VIB_QP_CUR_STATE:
		return attr->cur_state <= VIB_QPS_ERR;
	case VIB_QP_EN_SQD_ASYNC_NOTIFY:
		return attr->en_sqd_async_notify <= 1;
	case VIB_QP_ACCESS_FLAGS:
		return !(attr->access_flags &
			 ~(uint32_t)(VIB_ACCESS_LOCAL_WRITE | VIB_ACCESS_REMOTE_WRITE |
				     VIB_ACCESS_REMOTE_READ | VIB_ACCESS_REMOTE_ATOMIC));
	case VIB_QP_PKEY_INDEX:
		return attr->pkey_index < limits->pkey_tbl_len;
	case VIB_QP_PORT:
		return attr->port == VIB_PORT;
	case VIB_QP_AV:
		return av_ok(type, &attr->av, limits);
	case VIB_QP_PATH_MTU:
		return attr->path_mtu >= 1 && attr->path_mtu <= 5;
	case VIB_QP_TIMEOUT:
		return attr->timeout <= 31;
	case VIB_QP_RETRY_CNT:
		return attr->retry_cnt <= 7;
	case VIB_QP_RNR_RETRY:
		return attr->rnr_retry <= 7;
	case VIB_QP_RQ_PSN:
		return attr->rq_psn <= 0xffffff;
	case VIB_QP_MAX_QP_RD_ATOMIC:
		return attr->max_rd_atomic <= limits->max_rd_atomic;
	case VIB_QP_MIN_RNR_TIMER:
		return attr->min_rnr_timer <= 31;
	case VIB_QP_SQ_PSN:
		return attr->sq_psn <= 0xffffff;
	case VIB_QP_MAX_DEST_RD_ATOMIC:
		return attr->max_dest_rd_atomic <= limits->max_rd_atomic;
	case VIB_QP_DEST_QPN:
		return attr->dest_qpn <= 0xffffff;
	default: /* VIB_QP_QKEY: all 32 bits are its own */
		return true;
	}
}

int qp_attr_check(enum vib_qp_type type, uint32_t mask, const struct vib_qp_attr *attr,
		  const struct qp_limits *limits, const char **why)
{
	int err = mask_check(mask, why);

	if (err)
		return err;
	for (size_t i = 0; i < ARRAY_SIZE(attributes); i++) {
		const struct attribute *a = &attributes[i];

		if (mask & a->bit && !value_ok(type, a->bit, attr, limits))
			return refuse(why, a->bad_value);
	}
	return 0;
}

void qp_attr_apply(struct vib_qp_attr *qp, uint32_t mask, const struct vib_qp_attr *attr)
{
	if (mask & VIB_QP_STATE)
		qp->state = attr->state;
	if (mask & VIB_QP_EN_SQD_ASYNC_NOTIFY)
		qp->en_sqd_async_notify = attr->en_sqd_async_notify;
	if (mask & VIB_QP_ACCESS_FLAGS)
		qp->access_flags = attr->access_flags;
	if (mask & VIB_QP_PKEY_INDEX)
		qp->pkey_index = attr->pkey_index;
	if (mask & VIB_QP_PORT)
		qp->port = attr->port;
	if (mask & VIB_QP_QKEY)
		qp->qkey = attr->qkey;
	if (mask & VIB_QP_AV)
		qp->av = attr->av;
	if (mask & VIB_QP_PATH_MTU)
		qp->path_mtu = attr->path_mtu;
	if (mask & VIB_QP_TIMEOUT)
		qp->timeout = attr->timeout;
	if (mask & VIB_QP_RETRY_CNT)
		qp->retry_cnt = attr->retry_cnt;
	if (mask & VIB_QP_RNR_RETRY)
		qp->rnr_retry = attr->rnr_retry;
	if (mask & VIB_QP_RQ_PSN)
		qp->rq_psn = attr->rq_psn;
	if (mask & VIB_QP_MAX_QP_RD_ATOMIC)
		qp->max_rd_atomic = attr->max_rd_atomic;
	if (mask & VIB_QP_MIN_RNR_TIMER)
		qp->min_rnr_timer = attr->min_rnr_timer;
	if (mask & VIB_QP_SQ_PSN)
		qp->sq_psn = attr->sq_psn;
	if (mask & VIB_QP_MAX_DEST_RD_ATOMIC)
		qp->max_dest_rd_atomic = attr->max_dest_rd_atomic;
	if (mask & VIB_QP_DEST_QPN)
		qp->dest_qpn = attr->dest_qpn;
}

uint64_t qp_ack_timeout_ns(uint8_t timeout)
{
	timeout &= 31;
	return timeout ? 4096ull << timeout : UINT64_MAX; /* IBTA vol. 1 §9.7.6.1.3 */
}

uint64_t qp_rnr_timer_ns(uint8_t min_rnr_timer)
{
	/* IBTA vol. 1 §9.7.5.2.8, table 45, in its steps of 0.01 ms. */
	static const uint32_t steps[32] = {
		65536, 1,    2,    3,    4,    6,     8,     12,    16,    24,    32,
		48,    64,   96,   128,  192,  256,   384,   512,   768,   1024,  1536,
		2048,  3072, 4096, 6144, 8192, 12288, 16384, 24576, 32768, 49152,
	};

	return steps[min_rnr_timer & 31] * 10000ull;
}
