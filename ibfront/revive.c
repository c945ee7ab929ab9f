// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * What the kernel has, when a backend goes and when the next one comes.
 *
 * First the queues are emptied of what the old backend has put there, then QPs leave
 * them, and what has no backend completes or waits here. The next backend is lent the
 * same memory again, and makes all CQs, SRQs, datagram QPs and keys anew, before anybody else may
 * ask it for anything. If it cannot make one, the ib_device has to begin anew: ib_mad and
 * IPoIB never replace a QP.
 */

#include <linux/sched/mm.h>

#include "fast.h"
#include "granted.h"
#include "kernel.h"
#include "pool.h"
#include "ram.h"

void vib_kernel_init(struct vib *vib)
{
	struct vib_kernel *kernel = &vib->kernel;

	mutex_init(&kernel->lock);
	INIT_LIST_HEAD(&kernel->cqs);
	INIT_LIST_HEAD(&kernel->srqs);
	INIT_LIST_HEAD(&kernel->qps);
	vib_fast_init(vib);
	vib_bells_init(&kernel->bells, vib, NULL);
	vib_dma_init(vib);
}

/*
 * Who has it allocates memory, and who waits for it can be what memory is freed
 * through: a disk that is connected to anew.
 */
void vib_kernel_lock(struct vib *vib)
{
	mutex_lock(&vib->kernel.lock);
	vib->kernel.noio = memalloc_noio_save();
}

void vib_kernel_unlock(struct vib *vib)
{
	memalloc_noio_restore(vib->kernel.noio);
	mutex_unlock(&vib->kernel.lock);
}

/* The epoch has changed already. */
void vib_kernel_lost(struct vib *vib)
{
	struct vib_kernel *kernel = &vib->kernel;
	struct vib_ksrq *ksrq;
	struct vib_kcq *kcq;
	struct vib_kqp *kqp;

	vib_kernel_lock(vib);
	list_for_each_entry(kcq, &kernel->cqs, entry)
		vib_kcq_save(kcq);
	list_for_each_entry(kqp, &kernel->qps, entry)
		vib_kqp_lose(vib, kqp->sq.qp);
	list_for_each_entry(ksrq, &kernel->srqs, entry)
		vib_ksrq_lose(vib, ksrq);
	list_for_each_entry(kcq, &kernel->cqs, entry)
		vib_kcq_lose(vib, kcq);
	vib_fast_lose(vib);
	vib_bells_end(&kernel->bells);
	vib_pool_withdraw(vib);
	vib_ram_withdraw(vib);
	vib_kernel_unlock(vib);
}

/* ---- the next backend ---------------------------------------------------- */

static int vib_revive_cq(struct vib *vib, struct vib_kcq *kcq)
{
	int err;

	err = vib_qmem_remake(vib, &kcq->cq->queue);
	if (err)
		return err;
	err = vib_kcq_connect(vib, kcq);
	if (err)
		vib_qmem_end(vib, &kcq->cq->queue);
	return err;
}

static int vib_revive_srq(struct vib *vib, struct vib_ksrq *ksrq)
{
	int err;

	err = vib_qmem_remake(vib, &ksrq->srq->queue);
	if (err)
		return err;
	err = vib_ksrq_connect(vib, ksrq);
	if (err)
		vib_qmem_end(vib, &ksrq->srq->queue);
	return err;
}

static int vib_revive_qp(struct vib *vib, struct vib_qp *qp)
{
	int err;

	err = vib_qmem_remake(vib, &qp->sq);
	if (!err)
		err = vib_qmem_remake(vib, &qp->rq);
	if (!err)
		err = vib_kqp_connect(vib, qp, qp->ibqp.qp_num);
	if (err) {
		vib_kqp_end(vib, qp);
		return err;
	}
	err = vib_kqp_restore(vib, qp);
	if (err) {
		vib_object_remove(&vib->qps, qp->ibqp.qp_num, qp);
		vib_object_destroy(vib, qp->epoch, VIB_CMD_DESTROY_QP,
				   qp->ibqp.qp_num);
		vib_kqp_end(vib, qp);
		return err;
	}
	if (qp->kernel->attr.state != VIB_QPS_RESET) {
		vib_kwq_serve(&qp->kernel->sq, &qp->sq);
		vib_kwq_serve(&qp->kernel->rq, &qp->rq);
	}
	return 0;
}

/* As with one that was connected; its user begins anew with another ib_device. */
static void vib_give_up_qp(struct vib *vib, struct vib_qp *qp, int err)
{
	dev_err(&vib->xbdev->dev,
		"QP %u of the kernel is lost with its backend: the next one cannot make it (%d)\n",
		qp->ibqp.qp_num, err);
	vib_kqp_fail(vib, qp);
	vib_qp_event(qp, IB_EVENT_QP_FATAL);
}

/*
 * What can be had again. A CQ or SRQ that cannot takes its QPs along. If the connection
 * fails meanwhile, all that is left waits for the next one.
 */
static void vib_revive(struct vib *vib)
{
	struct vib_kernel *kernel = &vib->kernel;
	struct vib_ksrq *ksrq;
	struct vib_kcq *kcq;
	struct vib_kqp *kqp;
	int err;

	list_for_each_entry(kcq, &kernel->cqs, entry)
		vib_revive_cq(vib, kcq);
	list_for_each_entry(ksrq, &kernel->srqs, entry)
		vib_revive_srq(vib, ksrq);
	list_for_each_entry(kqp, &kernel->qps, entry) {
		if (kqp->lost)
			continue;
		err = vib_revive_qp(vib, kqp->sq.qp);
		if (!READ_ONCE(vib->up))
			break;
		if (err)
			vib_give_up_qp(vib, kqp->sq.qp, err);
	}
}

/* The next backend has no place for any. */
static void vib_give_up_all(struct vib *vib)
{
	struct vib_kqp *kqp;

	vib->kernel.pd = VIB_NO_OBJECT;
	list_for_each_entry(kqp, &vib->kernel.qps, entry)
		if (!kqp->lost)
			vib_give_up_qp(vib, kqp->sq.qp, -EOPNOTSUPP);
}

static int vib_kernel_connect_locked(struct vib *vib)
{
	struct vib_control_request request = { .operation = VIB_CMD_ALLOC_PD };
	int err;

	if (vib->kernel.pool &&
	    !(vib->info.device.cap_flags & VIB_CAP_LOCAL_DMA_LKEY)) {
		vib_give_up_all(vib);
		return 0;
	}
	err = vib->kernel.pool ? vib_pool_lend(vib) : vib_pool_open(vib);
	if (err || !vib->kernel.pool)
		return err;
	vib_granted_connect(vib);
	if (vib->kernel.ram) {
		err = vib_ram_lend_again(vib);
		if (vib->kernel.ram->spent) {
			/* Nothing is revived; see vib_begin_anew(). */
			vib->kernel.pd = VIB_NO_OBJECT;
			return 0;
		}
		if (err)
			return err;
	}
	err = vib_object_create(vib, READ_ONCE(vib->epoch), &request,
				&vib->kernel.pd);
	if (err)
		return err;
	vib_revive(vib);
	vib_fast_revive(vib);
	return READ_ONCE(vib->up) ? 0 : -EIO;
}

/*
 * A new backend is asked for what the kernel needs of it, and has; then it serves
 * verbs. Returns 0, also if there is nothing to ask, or it is spent; or an errno, and then
 * either the connection has failed or this domain lacks something that it may have later.
 */
int vib_kernel_connect(struct vib *vib)
{
	int err;

	vib_kernel_lock(vib);
	WRITE_ONCE(vib->kernel.reviver, current);
	err = vib_kernel_connect_locked(vib);
	WRITE_ONCE(vib->kernel.reviver, NULL);
	/* Who changes an object has to find it there, or not revived. */
	if (!err)
		vib_commands_serve(vib);
	vib_kernel_unlock(vib);
	return err;
}

/*
 * Is anything of the kernel dead that should have survived? While a backend is served,
 * and nothing is revived.
 */
bool vib_kernel_is_spent(struct vib *vib)
{
	struct vib_kernel *kernel = &vib->kernel;
	struct vib_ksrq *ksrq;
	struct vib_kcq *kcq;
	struct vib_kqp *kqp;
	bool spent = false;

	vib_kernel_lock(vib);
	list_for_each_entry(kcq, &kernel->cqs, entry)
		spent |= !kcq->live;
	list_for_each_entry(ksrq, &kernel->srqs, entry)
		spent |= !ksrq->live;
	list_for_each_entry(kqp, &kernel->qps, entry)
		spent |= kqp->lost &&
			 vib_qp_type_is_datagram(kqp->sq.qp->ibqp.qp_type);
	vib_kernel_unlock(vib);
	return spent;
}
