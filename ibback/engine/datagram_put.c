// SPDX-License-Identifier: GPL-2.0-or-later
#include "engine/datagram_put.h"

#include <string.h>

#include "engine/grh.h"
#include "engine/qp.h"
#include "engine/sg.h"

/* The claim of a receive that no message has. */
#define HELD 1

/*
 * The GRH and the data are one message. Most are of one piece, and go into one. false:
 * the receive cannot be written.
 */
static bool copy(const struct sg *dst, const struct grh *grh, const struct sg *data)
{
	struct sg src;

	if (dst->count == 1 && data->count == 1 && sg_is_plain(dst) &&
	    sg_is_plain(data)) {
		memcpy(dst->part[0].at, grh, sizeof(*grh));
		memmove(dst->part[0].at + sizeof(*grh), data->part[0].at, data->bytes);
		return true;
	}
	src = *data;
	memmove(&src.part[1], &src.part[0], sizeof(src.part[0]) * src.count++);
	src.part[0].at = (uint8_t *)grh;
	src.part[0].length = sizeof(*grh);
	return sg_copy(dst, &src, 0, sizeof(*grh) + data->bytes) == SG_COPIED;
}

/* It names what it must not. */
static void spoil(struct poller *poller, struct qp *qp)
{
	static const struct received wrong = { .status = VIB_WC_LOC_PROT_ERR };

	qp->receiving.claim = 0;
	receive_complete(poller, qp, &qp->receiving.receive, &wrong);
	qp_enter_error(qp);
}

bool datagram_put(struct poller *poller, struct qp *qp, const struct grh *grh,
		  const struct sg *data, const struct received *how)
{
	struct receiving *r = &qp->receiving;
	struct received done = *how;
	struct sg dst;

	qp->counters.rcv_bytes += data->bytes;
	qp->counters.rcv_packets++;
	if (!r->claim && !receive_take(qp, &r->receive)) {
		qp->counters.rcv_discards++;
		return false;
	}
	if (receive_resolve(qp, &r->receive, &dst) < 0) {
		spoil(poller, qp);
		return true;
	}
	r->claim = HELD;
	done.byte_len = (uint32_t)(sizeof(*grh) + data->bytes);
	if (dst.bytes < done.byte_len) {
		qp->counters.rcv_discards++;
		return true;
	}
	r->claim = 0;
	if (copy(&dst, grh, data))
		receive_complete(poller, qp, &r->receive, &done);
	else
		spoil(poller, qp);
	return true;
}
