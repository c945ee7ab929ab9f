// SPDX-License-Identifier: GPL-2.0-or-later
/* Atomics of RC between two QPs of this host. */
#include "engine/answer.h"
#include "engine/reach.h"
#include "engine/vhca.h"
#include "engine/wire.h"

/*
 * Without an HCA that has some, atomics are the processor's own, on the peer's memory, so
 * they are atomic to one another and to the peer's processors, whichever poller executes
 * them.
 */
static uint64_t atomic_execute(uint64_t *at, const struct vib_send_wqe *wqe)
{
	uint64_t old = wqe->u.atomic.compare_add;

	if (wqe->opcode == VIB_OP_FETCH_ADD)
		return __atomic_fetch_add(at, old, __ATOMIC_SEQ_CST);
	__atomic_compare_exchange_n(at, &old, wqe->u.atomic.swap, false, __ATOMIC_SEQ_CST,
				    __ATOMIC_SEQ_CST);
	return old;
}

enum send_result atomic_send(struct share *share, const struct sg *dst)
{
	const struct vib_send_wqe *wqe = &share->qp->sending.wqe;
	struct sg src, old_sg;
	uint64_t old;

	/* IBTA vol. 1 §9.4.5: naturally aligned, as is then its mapping. */
	if (!responds(share, VIB_ACCESS_REMOTE_ATOMIC) ||
	    wqe->u.atomic.remote_addr % sizeof(uint64_t))
		return deny_request(share);
	if (!reach(share, wqe->u.atomic.remote_addr, wqe->u.atomic.rkey, sizeof(uint64_t),
		   VIB_ACCESS_REMOTE_ATOMIC, &src))
		return unreached(share);
	/*
	 * But for a window's that counts from another address than memory does. What is
	 * granted and not mapped no processor reaches.
	 */
	if ((uintptr_t)src.part[0].at % sizeof(uint64_t) || !sg_is_plain(&src))
		return deny_request(share);
	if (__builtin_expect(share->qp->wire && share->qp->vhca->wire->atomics, 0))
		return wire_atomic_send(share);
	old = atomic_execute((uint64_t *)src.part[0].at, wqe);
	sg_one(&old_sg, (uint8_t *)&old, sizeof(old));
	if (sg_copy(dst, &old_sg, 0, sizeof(old)) != SG_COPIED)
		return send_fail(share, VIB_WC_LOC_PROT_ERR);
	share->qp->sending.done = sizeof(old);
	return SEND_DONE;
}

/* A WRITE of 8 bytes that nobody sees a part of: IBTA vol. 1, release 1.5. */
enum send_result atomic_write(struct share *share, const struct sg *own)
{
	const struct vib_send_wqe *wqe = &share->qp->sending.wqe;
	struct sg dst, value_sg;
	uint64_t value;

	if (!responds(share, VIB_ACCESS_REMOTE_WRITE) ||
	    wqe->u.rdma.remote_addr % sizeof(value))
		return deny_request(share);
	if (!reach(share, wqe->u.rdma.remote_addr, wqe->u.rdma.rkey, sizeof(value),
		   VIB_ACCESS_REMOTE_WRITE, &dst))
		return unreached(share);
	/* As in atomic_send(). */
	if ((uintptr_t)dst.part[0].at % sizeof(value) || !sg_is_plain(&dst))
		return deny_request(share);
	sg_one(&value_sg, (uint8_t *)&value, sizeof(value));
	if (sg_copy(&value_sg, own, 0, sizeof(value)) != SG_COPIED)
		return send_fail(share, VIB_WC_LOC_PROT_ERR);
	__atomic_store_n((uint64_t *)dst.part[0].at, value, __ATOMIC_SEQ_CST);
	return SEND_DONE;
}
