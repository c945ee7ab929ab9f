// SPDX-License-Identifier: GPL-2.0-or-later
#include "engine/drops.h"

#include "engine/vhca.h"

static const struct {
	const char *name, *text;
} causes[DROPS] = {
	[DROP_MAD_LINK_DOWN] = { "mad_link_down",
				 "a MAD was sent while the link is down" },
	[DROP_MAD_QPN] = { "mad_qpn",
			   "a MAD of QP0 or QP1 was for a QP of another number" },
	[DROP_MAD_QKEY] = { "mad_qkey", "a MAD had another Q_Key than its QP" },
	[DROP_MAD_PKEY] = { "mad_pkey", "a MAD had a P_Key index without a P_Key" },
	[DROP_MAD_SGID] = { "mad_sgid", "a MAD had an SGID index without a GID" },
	[DROP_PKEY] = { "pkey", "a message was for a QP of another partition" },
	[DROP_QKEY] = { "qkey", "a datagram had another Q_Key than its receiver" },
	[DROP_SGID] = { "sgid", "a datagram had an SGID index without a GID" },
	[DROP_QPN] = { "qpn", "a datagram of another QP was for QP0 or QP1" },
};

const char *drop_name(enum drop why)
{
	return why < DROPS && causes[why].name ? causes[why].name : "?";
}

const char *drop_text(enum drop why)
{
	return why < DROPS && causes[why].text ? causes[why].text : "?";
}

void drop_count(struct vhca *vhca, enum drop why)
{
	uint64_t before = vhca->drops.count[why];

	__atomic_store_n(&vhca->drops.count[why], before + 1, __ATOMIC_RELAXED);
	if (!before)
		vhca->async.raised(vhca->async.arg);
}

uint64_t drop_counted(const struct vhca *vhca, enum drop why)
{
	return __atomic_load_n(&vhca->drops.count[why], __ATOMIC_RELAXED);
}
