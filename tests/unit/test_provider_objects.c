// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Making and ending objects: what is asked of the kernel, what it answers, and that
 * nothing stays behind where that cannot be.
 */
#include "provider_rig.h"

static struct ibv_context *context(struct prig *r)
{
	return &r->ctx->verbs.context;
}

/* ---- answers that cannot be --------------------------------------------- */

static unsigned int spoil_how;

static void spoil(struct vib_uqueue *queue)
{
	switch (spoil_how) {
	case 0:
		queue->order = 0;
		break;
	case 1:
		queue->order = 17;
		break;
	case 2:
		queue->stride += 8;
		break;
	case 3:
		queue->stride = 0;
		break;
	case 4:
		queue->stride = 4096;
		break;
	case 5:
		queue->order += 7;
		break;
	case 6:
		queue->memory.offset = 1; /* which cannot be mapped */
		break;
	}
}
#define SPOILS 7

static void queues_that_cannot_be_are_refused_and_ended(void **state)
{
	struct prig *r = *state;
	int objects = kernel.objects, mappings = prig_mappings();
	struct ibv_qp_init_attr attr = {
		.send_cq = &r->cq->verbs.cq,
		.recv_cq = &r->cq->verbs.cq,
		.cap = { .max_send_wr = 4, .max_recv_wr = 4 },
		.qp_type = IBV_QPT_RC,
	};

	kernel.spoil = spoil;
	for (spoil_how = 0; spoil_how < SPOILS; spoil_how++) {
		struct ibv_srq_init_attr srq = { .attr = { .max_wr = 4, .max_sge = 1 } };
		int err = spoil_how == 6 ? EINVAL : EPROTO;

		errno = 0;
		assert_null(vib_create_cq(context(r), 4, NULL, 0));
		assert_int_equal(errno, err);
		errno = 0;
		assert_null(vib_create_srq(r->pd, &srq));
		assert_int_equal(errno, err);
		errno = 0;
		assert_null(vib_create_qp(r->pd, &attr));
		assert_int_equal(errno, err);
	}
	kernel.spoil = NULL;
	assert_int_equal(kernel.objects, objects);
	assert_int_equal(prig_mappings(), mappings);
}

static void refusals_are_told(void **state)
{
	struct ibv_srq_init_attr srq = { .attr = { .max_wr = 4, .max_sge = 1 } };
	struct prig *r = *state;
	struct ibv_qp_init_attr attr = {
		.send_cq = &r->cq->verbs.cq,
		.recv_cq = &r->cq->verbs.cq,
		.qp_type = IBV_QPT_RC,
	};

	kernel.fail = ENOSPC;
	assert_null(vib_create_cq(context(r), 4, NULL, 0));
	assert_int_equal(errno, ENOSPC);
	kernel.fail = EBADF;
	assert_null(vib_create_srq(r->pd, &srq));
	assert_int_equal(errno, EBADF);
	kernel.fail = EPERM;
	assert_null(vib_create_qp(r->pd, &attr));
	assert_int_equal(errno, EPERM);
	kernel.fail = EINVAL;
	assert_null(vib_reg_mr(r->pd, NULL, 1, 0, IBV_ACCESS_REMOTE_WRITE));
	assert_int_equal(errno, EINVAL);
	assert_null(vib_alloc_mw(r->pd, (enum ibv_mw_type)3));
	assert_int_equal(errno, EINVAL);
	kernel.fail = EBUSY;
	assert_int_equal(vib_destroy_cq(&r->cq->verbs.cq), EBUSY);
	kernel.fail = EBUSY;
	assert_int_equal(vib_destroy_srq(&r->srq->verbs.srq), EBUSY);
	kernel.fail = EBUSY;
	assert_int_equal(vib_dealloc_pd(r->pd), EBUSY);
}

/* ---- what is not supported ---------------------------------------------- */

static void cqs_take_what_we_can_serve(void **state)
{
	struct prig *r = *state;

	for (uint64_t flag = 1; flag < 1u << 16; flag <<= 1) {
		struct ibv_cq_init_attr_ex attr = { .cqe = 4, .wc_flags = flag };
		struct ibv_cq_ex *cq = vib_create_cq_ex(context(r), &attr);

		if (flag &
		    (IBV_WC_STANDARD_FLAGS | IBV_WC_EX_WITH_COMPLETION_TIMESTAMP)) {
			assert_non_null(cq);
			assert_int_equal(vib_destroy_cq(ibv_cq_ex_to_cq(cq)), 0);
		} else {
			assert_null(cq);
			assert_int_equal(errno, EOPNOTSUPP);
		}
	}
	for (uint32_t flag = 1; flag < 8; flag <<= 1) {
		struct ibv_cq_init_attr_ex attr = {
			.cqe = 4, .comp_mask = IBV_CQ_INIT_ATTR_MASK_FLAGS, .flags = flag
		};
		struct ibv_cq_ex *cq = vib_create_cq_ex(context(r), &attr);

		assert_int_equal(cq != NULL, flag == IBV_CREATE_CQ_ATTR_SINGLE_THREADED);
		if (!cq)
			continue;
		assert_false(((struct vib_cq *)cq)->lock.needed);
		assert_int_equal(vib_destroy_cq(ibv_cq_ex_to_cq(cq)), 0);
	}
	assert_true(r->cq->lock.needed);
	errno = 0;
	assert_null(vib_create_cq(context(r), 0, NULL, 0));
	assert_int_equal(errno, EINVAL);
}

static void qps_of_other_kinds_are_not_supported(void **state)
{
	static const enum ibv_qp_type types[] = { IBV_QPT_RAW_PACKET, IBV_QPT_DRIVER };
	struct prig *r = *state;

	for (size_t i = 0; i < 2; i++) {
		struct ibv_qp_init_attr attr = { .qp_type = types[i] };
		struct ibv_qp_init_attr_ex ex = { .qp_type = types[i],
						  .comp_mask = IBV_QP_INIT_ATTR_PD,
						  .pd = r->pd };

		errno = 0;
		assert_null(vib_create_qp(r->pd, &attr));
		assert_int_equal(errno, EOPNOTSUPP);
		errno = 0;
		assert_null(vib_create_qp_ex(context(r), &ex));
		assert_int_equal(errno, EOPNOTSUPP);
	}
	for (uint32_t mask = 2; mask < 1u << 7; mask <<= 1) {
		struct ibv_qp_init_attr_ex ex = { .qp_type = IBV_QPT_RC,
						  .comp_mask = IBV_QP_INIT_ATTR_PD | mask,
						  .pd = r->pd };

		if (mask == IBV_QP_INIT_ATTR_SEND_OPS_FLAGS)
			continue;
		ex.create_flags = 1; /* 0 is none, and taken */
		errno = 0;
		assert_null(vib_create_qp_ex(context(r), &ex));
		assert_int_equal(errno, EOPNOTSUPP);
	}
}

static void srqs_of_other_kinds_are_not_supported(void **state)
{
	struct prig *r = *state;
	struct ibv_srq_init_attr_ex attr = {
		.srq_context = r,
		.attr = { .max_wr = 5, .max_sge = 1 },
		.comp_mask = IBV_SRQ_INIT_ATTR_TYPE | IBV_SRQ_INIT_ATTR_PD,
		.srq_type = IBV_SRQT_TM,
		.pd = r->pd,
	};
	struct ibv_srq *srq;

	assert_null(vib_create_srq_ex(context(r), &attr));
	assert_int_equal(errno, EOPNOTSUPP);
	attr.srq_type = IBV_SRQT_BASIC;
	attr.comp_mask = IBV_SRQ_INIT_ATTR_TYPE;
	assert_null(vib_create_srq_ex(context(r), &attr));
	assert_int_equal(errno, EINVAL);
	attr.comp_mask |= IBV_SRQ_INIT_ATTR_PD;
	srq = vib_create_srq_ex(context(r), &attr);
	assert_non_null(srq);
	assert_int_equal(attr.attr.max_wr, 8);
	assert_true(srq->pd == r->pd && srq->context == context(r) &&
		    srq->srq_context == r);
	assert_int_equal(vib_destroy_srq(srq), 0);
}

/* libibverbs' command refuses to hear of them. */
static void no_creation_flags_are_not_passed_on(void **state)
{
	struct prig *r = *state;
	struct ibv_qp_init_attr_ex attr = {
		.send_cq = &r->cq->verbs.cq,
		.recv_cq = &r->cq->verbs.cq,
		.cap = { .max_send_wr = 3, .max_send_sge = 2 },
		.qp_type = IBV_QPT_RC,
		.comp_mask = IBV_QP_INIT_ATTR_PD | IBV_QP_INIT_ATTR_CREATE_FLAGS,
		.pd = r->pd,
	};
	struct ibv_qp *qp = vib_create_qp_ex(context(r), &attr);

	assert_non_null(qp);
	assert_int_equal(kernel.qp_asked.comp_mask, IBV_QP_INIT_ATTR_PD);
	assert_int_equal(vib_destroy_qp(qp), 0);
}

static void what_is_asked_is_passed_on(void **state)
{
	struct prig *r = *state;
	struct ibv_qp_init_attr attr = {
		.qp_context = r,
		.send_cq = &r->cq->verbs.cq,
		.recv_cq = &r->rcq->verbs.cq,
		.srq = &r->srq->verbs.srq,
		.cap = { .max_send_wr = 3, .max_send_sge = 2, .max_inline_data = 9 },
		.qp_type = IBV_QPT_RC,
		.sq_sig_all = 1,
	};
	const struct ibv_qp_init_attr_ex *asked = &kernel.qp_asked;
	struct ibv_qp *qp = vib_create_qp(r->pd, &attr);

	assert_non_null(qp);
	assert_true(asked->qp_context == r && asked->pd == r->pd);
	assert_true(asked->send_cq == attr.send_cq && asked->recv_cq == attr.recv_cq);
	assert_true(asked->srq == attr.srq && asked->sq_sig_all == 1);
	assert_memory_equal(&asked->cap, &attr.cap, sizeof(attr.cap));
	assert_int_equal(vib_destroy_qp(qp), 0);
}

/* ---- addresses ----------------------------------------------------------- */

static void addresses_are_checked(void **state)
{
	struct ibv_ah_attr attr = { .dlid = 3, .port_num = 1 };
	struct prig *r = *state;
	struct ibv_ah *ah;

	attr.grh.sgid_index = 200; /* not looked at */
	attr.grh.hop_limit = 9;
	ah = vib_create_ah(r->pd, &attr);
	assert_non_null(ah);
	assert_int_equal(to_vib_ah(ah)->av.flags | to_vib_ah(ah)->av.hop_limit, 0);
	assert_int_equal(vib_destroy_ah(ah), 0);

	attr.is_global = 1;
	attr.grh.sgid_index = 4; /* the table has 4 */
	errno = 0;
	assert_null(vib_create_ah(r->pd, &attr));
	assert_int_equal(errno, EINVAL);
	attr.grh.sgid_index = 3;
	ah = vib_create_ah(r->pd, &attr);
	assert_non_null(ah);
	vib_destroy_ah(ah);
	for (uint8_t port = 0; port < 3; port++) {
		attr.port_num = port;
		ah = vib_create_ah(r->pd, &attr);
		assert_int_equal(ah != NULL, port == 1);
		if (ah)
			vib_destroy_ah(ah);
	}
	attr.port_num = 1;
	attr.sl = 16;
	assert_null(vib_create_ah(r->pd, &attr));
}

static void doorbell_page_is_mapped_once(void **state)
{
	struct prig *r = *state;

	assert_ptr_equal(r->rc->doorbell, r->uc->doorbell);
	assert_non_null(r->ctx->doorbells);
	assert_null(r->ctx->doorbells->next);
}

/* Whose page may be given the place of the old one. */
static void next_backend_has_a_doorbell_page_of_its_own(void **state)
{
	struct prig *r = *state;
	struct vib_qp *qp;

	prig_lose(r);
	qp = prig_qp(r, IBV_QPT_RC, r->cq, r->cq, NULL, IBV_QP_EX_WITH_SEND);
	assert_ptr_not_equal(qp->doorbell, r->rc->doorbell);
	assert_int_equal(vib_destroy_qp(&qp->verbs.qp), 0);
}

#define t(f) cmocka_unit_test_setup_teardown(f, prig_setup, prig_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		t(queues_that_cannot_be_are_refused_and_ended),
		t(refusals_are_told),
		t(cqs_take_what_we_can_serve),
		t(qps_of_other_kinds_are_not_supported),
		t(srqs_of_other_kinds_are_not_supported),
		t(no_creation_flags_are_not_passed_on),
		t(what_is_asked_is_passed_on),
		t(addresses_are_checked),
		t(doorbell_page_is_mapped_once),
		t(next_backend_has_a_doorbell_page_of_its_own),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
