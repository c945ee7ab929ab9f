// SPDX-License-Identifier: GPL-2.0-or-later
/* What the SA can (IBTA vol. 1 §15.2.5.1). */
#include "gsi/sa.h"

#define AT(field)                       offsetof(struct umad_class_port_info, field)

/* OpenSM and Linux know it; libibumad has no name for it. */
#define CAP_MASK2_SEND_ONLY_FULL_MEMBER (1u << 12)

/* 4.096 us * 2^16: a quarter of a second. */
#define RESPONSE_TIME                   16

static const uint16_t cap_mask = UMAD_SA_CAP_MASK_IS_UD_MCAST_SUP |
				 UMAD_SA_CAP_MASK_IS_MULTIPATH_SUP |
				 UMAD_SA_CAP_MASK_IS_PORTINFO_CAP_MASK_MATCH_SUP;

/* Rates of paths and PortInfos have extended speeds. */
static const uint32_t cap_mask2 =
	UMAD_SA_CAP_MASK2_IS_EXT_SPEEDS_SUP | CAP_MASK2_SEND_ONLY_FULL_MEMBER;

void sa_class_port_info(const struct sa_request *request, struct sa_answer *answer)
{
	uint8_t *out = sa_add(answer);

	(void)request;
	if (!out)
		return;
	out[AT(base_ver)] = UMAD_BASE_VERSION;
	out[AT(class_ver)] = UMAD_SA_CLASS_VERSION;
	put_be16(out + AT(cap_mask), cap_mask);
	put_be32(out + AT(cap_mask2_resp_time), cap_mask2 << 5 | RESPONSE_TIME);
	put_be32(out + AT(redir_qp), 1);
	put_be32(out + AT(redir_qkey), UMAD_QKEY);
	put_be32(out + AT(trap_qkey), UMAD_QKEY);
}
