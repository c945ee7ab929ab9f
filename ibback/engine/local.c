// SPDX-License-Identifier: GPL-2.0-or-later
/* Send requests that no peer hears of: keys, shown and ended. */
#include <endian.h>

#include "engine/fast.h"
#include "engine/mw.h"
#include "engine/qp.h"
#include "engine/send.h"
#include "engine/wire.h"

static enum mw_result execute(struct share *share)
{
	const struct vib_send_wqe *wqe = &share->qp->sending.wqe;

	switch (wqe->opcode) {
	case VIB_OP_BIND_MW:
		return mw_bind(share->qp, wqe);
	case VIB_OP_REG_MR:
		return fast_register(share);
	default:
		return mw_invalidate(share->qp, le32toh(wqe->imm));
	}
}

enum send_result local_send(struct share *share)
{
	/* An atomic that the HCA does is before this. */
	if (__builtin_expect(wire_sends_wait(share->qp->wire), 0))
		return SEND_MORE;
	share_release_window(share); /* which may be the one */
	switch (execute(share)) {
	case MW_OK:
		return SEND_DONE;
	case MW_BUSY:
		return SEND_MORE;
	default:
		/* IBTA vol. 1 §11.6.2: memory management operation error, for all. */
		return send_fail(share, VIB_WC_MW_BIND_ERR);
	}
}
