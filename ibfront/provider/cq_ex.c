// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * The iterator of extended CQs: ibv_start_poll() holds the CQ's lock until
 * ibv_end_poll(), and a copy of the entry that is read.
 */

#include <errno.h>

#include "poll.h"
#include "verbs.h"

static struct vib_cq *to_cq(struct ibv_cq_ex *cq)
{
	return (struct vib_cq *)cq;
}

static const struct vib_cqe *entry(struct ibv_cq_ex *cq)
{
	return &to_cq(cq)->entry;
}

static bool take(struct vib_cq *cq)
{
	if (!vib_cq_take(cq, &cq->entry))
		return false;
	cq->verbs.cq_ex.wr_id = cq->entry.wr_id;
	cq->verbs.cq_ex.status = vib_wc_status(&cq->entry);
	return true;
}

static void end_poll(struct ibv_cq_ex *ibcq)
{
	struct vib_cq *cq = to_cq(ibcq);

	vib_cq_release(cq, cq->poll_from);
	vib_unlock(&cq->lock);
}

static int start_poll(struct ibv_cq_ex *ibcq, struct ibv_poll_cq_attr *attr)
{
	struct vib_cq *cq = to_cq(ibcq);

	if (vib_unlikely(attr->comp_mask))
		return EINVAL;
	vib_lock(&cq->lock);
	cq->poll_from = cq->queue.index;
	if (take(cq))
		return 0;
	end_poll(ibcq);
	return ENOENT;
}

static int next_poll(struct ibv_cq_ex *cq)
{
	return take(to_cq(cq)) ? 0 : ENOENT;
}

static enum ibv_wc_opcode read_opcode(struct ibv_cq_ex *cq)
{
	return vib_wc_opcode(entry(cq));
}

static uint32_t read_vendor_err(struct ibv_cq_ex *cq)
{
	(void)cq;
	return 0;
}

static unsigned int read_wc_flags(struct ibv_cq_ex *cq)
{
	return vib_wc_flags(entry(cq));
}

static uint32_t read_byte_len(struct ibv_cq_ex *cq)
{
	return entry(cq)->byte_len;
}

static __be32 read_imm_data(struct ibv_cq_ex *cq)
{
	return entry(cq)->imm;
}

static uint32_t read_qp_num(struct ibv_cq_ex *cq)
{
	return entry(cq)->qpn;
}

static uint32_t read_src_qp(struct ibv_cq_ex *cq)
{
	return entry(cq)->src_qpn;
}

static uint32_t read_slid(struct ibv_cq_ex *cq)
{
	return entry(cq)->slid;
}

static uint8_t read_sl(struct ibv_cq_ex *cq)
{
	return entry(cq)->sl;
}

static uint8_t read_dlid_path_bits(struct ibv_cq_ex *cq)
{
	return entry(cq)->dlid_path_bits;
}

static uint64_t read_completion_ts(struct ibv_cq_ex *cq)
{
	return entry(cq)->timestamp;
}

void vib_cq_ex_init(struct ibv_cq_ex *cq, uint64_t wc_flags)
{
	cq->start_poll = start_poll;
	cq->next_poll = next_poll;
	cq->end_poll = end_poll;
	cq->read_opcode = read_opcode;
	cq->read_vendor_err = read_vendor_err;
	cq->read_wc_flags = read_wc_flags;
	if (wc_flags & IBV_WC_EX_WITH_BYTE_LEN)
		cq->read_byte_len = read_byte_len;
	if (wc_flags & IBV_WC_EX_WITH_IMM)
		cq->read_imm_data = read_imm_data;
	if (wc_flags & IBV_WC_EX_WITH_QP_NUM)
		cq->read_qp_num = read_qp_num;
	if (wc_flags & IBV_WC_EX_WITH_SRC_QP)
		cq->read_src_qp = read_src_qp;
	if (wc_flags & IBV_WC_EX_WITH_SLID)
		cq->read_slid = read_slid;
	if (wc_flags & IBV_WC_EX_WITH_SL)
		cq->read_sl = read_sl;
	if (wc_flags & IBV_WC_EX_WITH_DLID_PATH_BITS)
		cq->read_dlid_path_bits = read_dlid_path_bits;
	if (wc_flags & IBV_WC_EX_WITH_COMPLETION_TIMESTAMP)
		cq->read_completion_ts = read_completion_ts;
}
