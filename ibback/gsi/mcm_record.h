/* SPDX-License-Identifier: GPL-2.0-or-later */
/* MCMemberRecord (IBTA vol. 1 §15.2.5.17) as a struct. */
#ifndef XEN_IB_IBBACK_GSI_MCM_RECORD_H
#define XEN_IB_IBBACK_GSI_MCM_RECORD_H

#include <stdbool.h>
#include <stdint.h>

#include <infiniband/umad_sa_mcm.h>

#include <xen-ib/types.h>

#define MCM_RECORD_SIZE sizeof(struct umad_sa_mcmember_record)

/* Bits of JoinState. */
#define MCM_JOIN_STATES 4

/* JoinState: what makes a group exist; and what is delivered to (§15.2.5.17.3). */
#define MCM_FULL                              \
	(UMAD_SA_MCM_JOIN_STATE_FULL_MEMBER | \
	 UMAD_SA_MCM_JOIN_STATE_SEND_ONLY_FULL_MEMBER)
#define MCM_RECEIVES \
	(UMAD_SA_MCM_JOIN_STATE_FULL_MEMBER | UMAD_SA_MCM_JOIN_STATE_NON_MEMBER)

/* Of a group: what is the same for all its members. Host order. */
struct mcm_group {
	struct vib_gid mgid;
	uint32_t qkey;
	uint16_t mlid;
	uint8_t mtu, rate, life; /* in a request with their selectors */
	uint8_t tclass;
	uint16_t pkey;
	uint8_t sl;
	uint32_t flow_label;
	uint8_t hop_limit;
	uint8_t scope;
};

struct mcm_record {
	struct mcm_group group;
	struct vib_gid port_gid;
	uint8_t join_state;
	bool proxy_join;
};

void mcm_record_get(struct mcm_record *r, const uint8_t *p);

/* Write @r, whose MTU, rate and lifetime have no selectors: they are exact. */
void mcm_record_put(uint8_t *p, const struct mcm_record *r);

#endif
