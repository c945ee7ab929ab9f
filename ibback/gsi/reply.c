// SPDX-License-Identifier: GPL-2.0-or-later
#include "gsi/reply.h"

#include <string.h>

/* IBTA vol. 1 §13.5.4.4: a response that has a GRH has this hop limit. */
#define REPLY_HOP_LIMIT 255

void reply_begin(struct mad_packet *reply, const struct mad_packet *request, uint16_t lid,
		 uint16_t pkey)
{
	memset(reply, 0, sizeof(*reply));
	reply->qpn = request->qpn;
	reply->slid = lid;
	reply->dlid = request->slid;
	reply->sl = request->sl;
	reply->pkey = pkey;
	reply->length = VIB_MAD_BYTES;
	reply->grh = request->grh;
	if (!request->grh)
		return;
	reply->sgid = request->dgid;
	reply->dgid = request->sgid;
	reply->flow_label = request->flow_label;
	reply->traffic_class = request->traffic_class;
	reply->hop_limit = REPLY_HOP_LIMIT;
}
