// SPDX-License-Identifier: GPL-2.0-or-later
#include "provider_rig.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

int prig_mappings(void)
{
	char line[512];
	FILE *maps = fopen("/proc/self/maps", "r");
	int n = 0;

	assert_non_null(maps);
	while (fgets(line, sizeof(line), maps))
		n += strstr(line, "memfd:prig") != NULL;
	fclose(maps);
	return n;
}

struct vib_qp *prig_qp(struct prig *r, enum ibv_qp_type type, struct vib_cq *send_cq,
		       struct vib_cq *recv_cq, struct vib_srq *srq, uint64_t ex_ops)
{
	struct ibv_qp_init_attr_ex attr = {
		.send_cq = &send_cq->verbs.cq,
		.recv_cq = &recv_cq->verbs.cq,
		.srq = srq ? &srq->verbs.srq : NULL,
		.cap = { .max_send_wr = RIG_DEPTH,
			 .max_recv_wr = srq ? 0 : RIG_DEPTH,
			 .max_send_sge = RIG_SGES,
			 .max_recv_sge = srq ? 0 : RIG_SGES,
			 .max_inline_data = RIG_INLINE },
		.qp_type = type,
		.comp_mask = IBV_QP_INIT_ATTR_PD | IBV_QP_INIT_ATTR_SEND_OPS_FLAGS,
		.pd = r->pd,
		.send_ops_flags = ex_ops,
	};
	struct ibv_qp *qp = vib_create_qp_ex(&r->ctx->verbs.context, &attr);

	assert_non_null(qp);
	qp->state = IBV_QPS_RTS;
	return (struct vib_qp *)qp;
}

struct vib_cq *prig_cq_ex(struct prig *r)
{
	struct ibv_cq_init_attr_ex attr = {
		.cqe = 2 * RIG_DEPTH,
		.wc_flags = IBV_WC_STANDARD_FLAGS | IBV_WC_EX_WITH_COMPLETION_TIMESTAMP,
	};
	struct ibv_cq_ex *cq = vib_create_cq_ex(&r->ctx->verbs.context, &attr);

	assert_non_null(cq);
	return (struct vib_cq *)cq;
}

int prig_setup(void **state)
{
	struct ibv_srq_init_attr srq = { .attr = { .max_wr = RIG_DEPTH,
						   .max_sge = RIG_SGES } };
	struct vib_ustate *ustate;
	struct prig *r = calloc(1, sizeof(*r));

	kernel = (struct prig_kernel){ .epoch = 7, .end = 8192, .mask_place = 1 };
	kernel.fd = memfd_create("prig", MFD_CLOEXEC);
	assert_true(kernel.fd >= 0);
	assert_int_equal(ftruncate(kernel.fd, 8192), 0);
	ustate = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, kernel.fd, 0);
	assert_ptr_not_equal(ustate, MAP_FAILED);
	ustate->epoch = kernel.epoch;
	munmap(ustate, 4096);

	r->ctx = calloc(1, sizeof(*r->ctx));
	r->ctx->verbs.context.cmd_fd = kernel.fd;
	assert_int_equal(vib_context_init(r->ctx,
					  &(struct vib_uresp_alloc_context){
						  .state = { .length = 4096 } }),
			 0);
	r->pd = vib_alloc_pd(&r->ctx->verbs.context);
	r->cq = to_vib_cq(vib_create_cq(&r->ctx->verbs.context, 4 * RIG_DEPTH, NULL, 0));
	r->rcq = prig_cq_ex(r);
	r->srq = to_vib_srq(vib_create_srq(r->pd, &srq));
	assert_true(r->pd && r->cq && r->srq);
	r->rc = prig_qp(r, IBV_QPT_RC, r->cq, r->cq, NULL, IBV_QP_EX_WITH_SEND);
	r->uc = prig_qp(r, IBV_QPT_UC, r->cq, r->cq, NULL, IBV_QP_EX_WITH_SEND);
	r->ud = prig_qp(r, IBV_QPT_UD, r->cq, r->cq, NULL, IBV_QP_EX_WITH_SEND);
	r->split = prig_qp(r, IBV_QPT_RC, r->cq, r->rcq, NULL, IBV_QP_EX_WITH_SEND);
	r->on_srq = prig_qp(r, IBV_QPT_RC, r->cq, r->cq, r->srq, IBV_QP_EX_WITH_SEND);
	*state = r;
	return 0;
}

int prig_teardown(void **state)
{
	struct prig *r = *state;
	struct vib_qp *qps[] = { r->rc, r->uc, r->ud, r->split, r->on_srq };

	for (size_t i = 0; i < sizeof(qps) / sizeof(*qps); i++)
		if (qps[i])
			assert_int_equal(vib_destroy_qp(&qps[i]->verbs.qp), 0);
	assert_int_equal(vib_destroy_srq(&r->srq->verbs.srq), 0);
	assert_int_equal(vib_destroy_cq(&r->rcq->verbs.cq), 0);
	assert_int_equal(vib_destroy_cq(&r->cq->verbs.cq), 0);
	assert_int_equal(vib_dealloc_pd(r->pd), 0);
	vib_context_exit(r->ctx);
	assert_int_equal(kernel.objects, 0);
	assert_int_equal(prig_mappings(), 0);
	close(kernel.fd);
	free(r->ctx);
	free(r);
	return 0;
}

struct vib_queue prig_end(const struct vib_queue *queue)
{
	struct vib_queue end;

	vib_queue_init(&end, queue->hdr, queue->order, queue->stride);
	return end;
}

void prig_complete(struct vib_cq *cq, const struct vib_qp *qp, struct vib_cqe cqe)
{
	struct vib_queue end = prig_end(&cq->queue);
	struct vib_cqe *slot;

	end.index = vib_observe32(&end.hdr->cons);
	while (vib_queue_peek(&end)) {
		vib_queue_advance(&end);
		assert_true(end.index - vib_observe32(&end.hdr->cons) <=
			    vib_queue_depth(&end));
	}
	slot = vib_queue_next_slot(&end);
	if (qp) {
		cqe.qpn = qp->verbs.qp.qp_num;
		cqe.db_index = (__u16)qp->db_index;
	}
	memcpy((char *)slot + 4, (char *)&cqe + 4, sizeof(cqe) - 4);
	vib_queue_produce(&end);
}

void prig_sent(struct vib_cq *cq, const struct vib_qp *qp, uint32_t index, uint64_t wr_id)
{
	prig_complete(cq, qp,
		      (struct vib_cqe){ .wr_id = wr_id,
					.wqe_index = index,
					.opcode = VIB_OP_SEND });
}

void prig_lose(struct prig *r)
{
	struct vib_ustate *ustate;

	(void)r;
	ustate = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, kernel.fd, 0);
	assert_ptr_not_equal(ustate, MAP_FAILED);
	ustate->epoch = ++kernel.epoch;
	munmap(ustate, 4096);
}

int prig_post(struct vib_qp *qp, uint64_t wr_id)
{
	static struct vib_ah ah;
	struct ibv_sge sge = { .addr = 0x1000, .length = 4, .lkey = 9 };
	struct ibv_send_wr wr = { .wr_id = wr_id,
				  .sg_list = &sge,
				  .num_sge = 1,
				  .opcode = IBV_WR_SEND,
				  .send_flags = IBV_SEND_SIGNALED };
	struct ibv_send_wr *bad;

	if (qp->type == VIB_QPT_UD)
		wr.wr.ud.ah = &ah.ibv;
	return vib_post_send(&qp->verbs.qp, &wr, &bad);
}

int prig_post_recv(struct vib_qp *qp, uint64_t wr_id)
{
	struct ibv_recv_wr *bad, wr = { .wr_id = wr_id };

	return vib_post_recv(&qp->verbs.qp, &wr, &bad);
}
