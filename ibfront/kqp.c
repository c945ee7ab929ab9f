// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * Queue pairs of the kernel: making, losing and ending them.
 */

#include <linux/slab.h>

#include "kernel.h"

/* Have the backend make it, in memory that it has already. */
int vib_kqp_connect(struct vib *vib, struct vib_qp *qp, u32 qpn)
{
	struct vib_doorbell *db;
	int err;

	qp->epoch = READ_ONCE(vib->epoch);
	if (!vib_qp_of_one_epoch(qp)) {
		err = -EIO;
		goto err_epoch;
	}
	db = vib_doorbell_take(qp->bells, &qp->db_index);
	if (IS_ERR(db)) {
		err = PTR_ERR(db);
		goto err_epoch;
	}
	qp->doorbell = db;
	err = vib_qp_make(vib, qp, qpn);
	if (err)
		goto err_doorbell;
	err = vib_object_add(vib, &vib->qps, qp->ibqp.qp_num, qp, qp->epoch);
	if (err)
		goto err_qp;
	return 0;

err_qp:
	vib_object_destroy(vib, qp->epoch, VIB_CMD_DESTROY_QP, qp->ibqp.qp_num);
err_doorbell:
	vib_doorbell_return(qp->bells, db, qp->db_index);
	qp->doorbell = NULL;
err_epoch:
	qp->epoch = 0; /* of none: no backend is to be told of it */
	return err;
}

/* What it has shared with a backend, which has let go of it or is gone. */
void vib_kqp_end(struct vib *vib, struct vib_qp *qp)
{
	if (qp->doorbell)
		vib_doorbell_return(qp->bells, qp->doorbell, qp->db_index);
	qp->doorbell = NULL;
	vib_qmem_end(vib, &qp->rq);
	vib_qmem_end(vib, &qp->sq);
}

/* What its queues are without a backend. */
static enum vib_kwq_mode vib_kqp_mode(const struct vib_qp *qp)
{
	if (!vib_kqp_survives(qp) || qp->kernel->attr.state == VIB_QPS_ERR)
		return VIB_KWQ_FLUSHING;
	if (qp->kernel->attr.state == VIB_QPS_RESET)
		return VIB_KWQ_CLOSED;
	return VIB_KWQ_WAITING;
}

/* There is no backend for it: its requests wait, are lost, or are flushed. */
void vib_kqp_leave(struct vib_qp *qp)
{
	enum vib_kwq_mode mode = vib_kqp_mode(qp);

	vib_kwq_leave(&qp->kernel->sq, mode);
	vib_kwq_leave(&qp->kernel->rq, mode);
}

static void vib_kqp_detach(struct vib_qp *qp)
{
	vib_kcq_detach(qp->ibqp.send_cq, qp);
	vib_kcq_detach(qp->ibqp.recv_cq, qp);
}

/* Nobody is told what has completed of it. */
void vib_kqp_forget(struct vib_qp *qp)
{
	vib_kcq_forget(to_vib_cq(qp->ibqp.send_cq)->kernel, qp);
	vib_kcq_forget(to_vib_cq(qp->ibqp.recv_cq)->kernel, qp);
}

/*
 * It is in ERR for good. Who sends learns it as from a peer that does not answer any
 * more: IPoIB and iSER take a flushed request for one that they have given up themselves.
 */
void vib_kqp_fail(struct vib *vib, struct vib_qp *qp)
{
	if (qp->kernel->attr.state == VIB_QPS_RTS)
		vib_kwq_fault(&qp->kernel->sq, IB_WC_RETRY_EXC_ERR);
	qp->kernel->lost = true;
	qp->epoch = 0;
	vib_kqp_leave(qp);
	vib_kqp_detach(qp);
	vib_kqp_end(vib, qp);
}

/* What its CQs had of it has been saved. */
void vib_kqp_lose(struct vib *vib, struct vib_qp *qp)
{
	if (!vib_kqp_survives(qp)) {
		vib_kqp_fail(vib, qp);
		return;
	}
	vib_kqp_leave(qp);
	vib_kqp_end(vib, qp);
}

static void vib_kqp_free(struct vib_kqp *kqp)
{
	vib_kqp_leave_groups(kqp);
	vib_kwq_free(&kqp->sq);
	vib_kwq_free(&kqp->rq);
	kfree(kqp);
}

static struct vib_kqp *vib_kqp_new(struct vib_qp *qp)
{
	struct vib_kqp *kqp = kzalloc(sizeof(*kqp), GFP_KERNEL);
	int err;

	if (!kqp)
		return NULL;
	INIT_LIST_HEAD(&kqp->groups);
	err = vib_kwq_init(&kqp->sq, qp, qp->ibqp.send_cq, true);
	err = vib_kwq_init(&kqp->rq, qp, qp->ibqp.recv_cq, false) ?: err;
	if (err) {
		vib_kqp_free(kqp);
		return NULL;
	}
	return kqp;
}

static int vib_kqp_attach(struct vib_qp *qp)
{
	struct ib_qp *ibqp = &qp->ibqp;
	int err;

	err = vib_kcq_attach(ibqp->send_cq, qp);
	if (err || ibqp->recv_cq == ibqp->send_cq)
		return err;
	err = vib_kcq_attach(ibqp->recv_cq, qp);
	if (err)
		vib_kcq_detach(ibqp->send_cq, qp);
	return err;
}

static int vib_kqp_create_locked(struct vib *vib, struct vib_qp *qp,
				 const struct ib_qp_init_attr *attr)
{
	int err;

	err = vib_qp_make_queues(vib, qp, attr);
	if (err)
		return err;
	qp->kernel = vib_kqp_new(qp);
	if (!qp->kernel) {
		err = -ENOMEM;
		goto err_queues;
	}
	err = vib_kqp_connect(vib, qp, 0);
	if (err)
		goto err_free;
	err = vib_kqp_attach(qp);
	if (err)
		goto err_qp;
	list_add_tail(&qp->kernel->entry, &vib->kernel.qps);
	return 0;

err_qp:
	vib_object_remove(&vib->qps, qp->ibqp.qp_num, qp);
	vib_object_destroy(vib, qp->epoch, VIB_CMD_DESTROY_QP, qp->ibqp.qp_num);
err_free:
	vib_kqp_free(qp->kernel);
err_queues:
	vib_kqp_end(vib, qp);
	return err;
}

/*
 * IPoIB hears of each packet that it sent only to free it, and has told TCP that it has
 * gone out already. Each of these interrupts wakes the guest once more than what is
 * answered does. So they wait for some more, but not for long: memory is kept so.
 */
#define VIB_KQP_SENT_COUNT  16u
#define VIB_KQP_SENT_PERIOD 10000u /* us */

static int vib_kqp_moderate_sent(const struct ib_qp_init_attr *attr)
{
	struct vib_cq *cq = to_vib_cq(attr->send_cq);

	if (!(attr->create_flags & IB_QP_CREATE_IPOIB_UD_LSO) ||
	    attr->send_cq == attr->recv_cq)
		return 0;
	return vib_kcq_moderate(cq, min(VIB_KQP_SENT_COUNT, attr->cap.max_send_wr / 4),
				VIB_KQP_SENT_PERIOD);
}

/* Its attributes have been checked. */
int vib_kqp_create(struct vib_qp *qp, struct ib_qp_init_attr *attr)
{
	struct vib *vib = to_vib(qp->ibqp.device);
	int err;

	if (attr->qp_type == IB_QPT_XRC_INI)
		return -EOPNOTSUPP; /* ib_post_send() cannot name an SRQ */
	err = vib_kqp_moderate_sent(attr);
	if (err)
		return err;
	qp->bells = &vib->kernel.bells;
	qp->signal_all = attr->sq_sig_type == IB_SIGNAL_ALL_WR;
	vib_kernel_lock(vib);
	err = vib_kqp_create_locked(vib, qp, attr);
	vib_kernel_unlock(vib);
	if (!err)
		attr->cap = qp->cap;
	return err;
}

void vib_kqp_destroy(struct vib_qp *qp)
{
	struct vib *vib = to_vib(qp->ibqp.device);

	vib_kernel_lock(vib);
	list_del(&qp->kernel->entry);
	vib_object_remove(&vib->qps, qp->ibqp.qp_num, qp);
	vib_object_destroy(vib, qp->epoch, VIB_CMD_DESTROY_QP, qp->ibqp.qp_num);
	vib_kqp_forget(qp);
	vib_kqp_detach(qp);
	vib_kqp_end(vib, qp);
	vib_kernel_unlock(vib);
	vib_kqp_free(qp->kernel);
}
