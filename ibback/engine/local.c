// SPDX-License-Identifier: GPL-2.0-or-later
/* Send requests that no peer hears of: a QP's windows, bound and unbound. */
#include <endian.h>

#include "engine/mw.h"
#include "engine/qp.h"
#include "engine/send.h"

enum send_result local_send(struct share *share)
{
	struct qp *qp = share->qp;
	const struct vib_send_wqe *wqe = &qp->sending.wqe;

	share_release_window(share); /* which may be the one */
	switch (wqe->opcode == VIB_OP_BIND_MW ? mw_bind(qp, wqe)
					      : mw_invalidate(qp, le32toh(wqe->imm))) {
	case MW_OK:
		return SEND_DONE;
	case MW_BUSY:
		return SEND_MORE;
	default:
		/* IBTA vol. 1 §11.6.2: memory management operation error, for both. */
		return send_fail(share, VIB_WC_MW_BIND_ERR);
	}
}
