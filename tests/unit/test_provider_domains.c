// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Parent domains: programs' allocators, threads' promises, and who is held by whom.
 */
#include "provider_rig.h"

#include <stdlib.h>

static int allocated, freed;
static bool use_default;
static void *const pd_context = &allocated;

static void *alloc(struct ibv_pd *pd, void *ctx, size_t size, size_t alignment,
		   uint64_t type)
{
	void *p;

	(void)type;
	assert_non_null(pd);
	assert_ptr_equal(ctx, pd_context);
	assert_int_equal(size % alignment, 0);
	if (use_default)
		return IBV_ALLOCATOR_USE_DEFAULT;
	allocated++;
	p = aligned_alloc(alignment, size);
	memset(p, 0xff, size);
	return p;
}

static void release(struct ibv_pd *pd, void *ctx, void *ptr, uint64_t type)
{
	(void)pd, (void)type;
	assert_ptr_equal(ctx, pd_context);
	freed++;
	free(ptr);
}

static void *none(struct ibv_pd *pd, void *ctx, size_t size, size_t alignment,
		  uint64_t type)
{
	(void)pd, (void)ctx, (void)size, (void)alignment, (void)type;
	return NULL;
}

static struct ibv_pd *domain(struct prig *r, struct ibv_td *td, bool allocators)
{
	struct ibv_parent_domain_init_attr attr = {
		.pd = r->pd,
		.td = td,
		.comp_mask = allocators ? IBV_PARENT_DOMAIN_INIT_ATTR_ALLOCATORS |
						  IBV_PARENT_DOMAIN_INIT_ATTR_PD_CONTEXT
					: 0,
		.alloc = alloc,
		.free = release,
		.pd_context = pd_context,
	};
	struct ibv_pd *pd = vib_alloc_parent_domain(&r->ctx->verbs.context, &attr);

	assert_non_null(pd);
	assert_int_equal(pd->handle, r->pd->handle);
	return pd;
}

struct three {
	struct vib_cq *cq;
	struct ibv_srq *srq;
	struct vib_qp *qp;
};

static void make(struct prig *r, struct ibv_pd *pd, struct three *three)
{
	struct ibv_srq_init_attr srq = { .attr = { .max_wr = 4, .max_sge = 1 } };
	struct ibv_cq_init_attr_ex cq = { .cqe = 4,
					  .comp_mask = IBV_CQ_INIT_ATTR_MASK_PD,
					  .parent_domain = pd };
	struct ibv_qp_init_attr qp = { .qp_type = IBV_QPT_RC,
				       .cap = { .max_send_wr = 4 } };

	three->cq = (struct vib_cq *)vib_create_cq_ex(&r->ctx->verbs.context, &cq);
	three->srq = vib_create_srq(pd, &srq);
	assert_true(three->cq && three->srq);
	qp.send_cq = qp.recv_cq = &three->cq->verbs.cq;
	three->qp = to_vib_qp(vib_create_qp(pd, &qp));
	assert_non_null(three->qp);
}

static void end(struct three *three)
{
	assert_int_equal(vib_destroy_qp(&three->qp->verbs.qp), 0);
	assert_int_equal(vib_destroy_srq(three->srq), 0);
	assert_int_equal(vib_destroy_cq(&three->cq->verbs.cq), 0);
}

static void objects_take_what_the_program_allocates(void **state)
{
	struct prig *r = *state;
	struct ibv_pd *pd = domain(r, NULL, true);
	struct three three;

	allocated = freed = 0;
	use_default = false;
	make(r, pd, &three);
	assert_int_equal(allocated, 3);
	assert_int_equal(vib_dealloc_pd(pd), EBUSY);
	end(&three);
	assert_int_equal(freed, 3);
	kernel.fail = EIO;
	assert_null(
		vib_create_srq(pd, &(struct ibv_srq_init_attr){ .attr = { 1, 1, 0 } }));
	assert_int_equal(errno, EIO);
	assert_int_equal(freed, 4);
	assert_int_equal(vib_dealloc_pd(pd), 0);
}

static void default_is_ours_to_free(void **state)
{
	struct prig *r = *state;
	struct ibv_pd *pd = domain(r, NULL, true);
	struct three three;

	allocated = freed = 0;
	use_default = true;
	make(r, pd, &three);
	end(&three);
	assert_int_equal(freed, 0);
	assert_int_equal(vib_dealloc_pd(pd), 0);
}

static void allocator_without_memory_fails_the_create(void **state)
{
	struct prig *r = *state;
	struct ibv_pd *pd = domain(r, NULL, true);

	to_vib_pd(pd)->alloc = none;
	assert_null(
		vib_create_srq(pd, &(struct ibv_srq_init_attr){ .attr = { 1, 1, 0 } }));
	assert_int_equal(errno, ENOMEM);
	assert_int_equal(vib_dealloc_pd(pd), 0);
}

static void thread_domain_takes_the_locks_away(void **state)
{
	struct ibv_td_init_attr attr = { 0 };
	struct prig *r = *state;
	struct ibv_td *td = vib_alloc_td(&r->ctx->verbs.context, &attr);
	struct ibv_pd *pd;
	struct three three;

	assert_non_null(td);
	for (int with = 0; with < 2; with++) {
		pd = domain(r, with ? td : NULL, false);
		make(r, pd, &three);
		assert_int_equal(three.qp->sq.lock.needed, !with);
		assert_int_equal(three.qp->rq.lock.needed, !with);
		assert_int_equal(three.cq->lock.needed, !with);
		assert_int_equal(to_vib_srq(three.srq)->lock.needed, !with);
		if (with)
			assert_int_equal(vib_dealloc_td(td), EBUSY);
		assert_int_equal(vib_dealloc_pd(r->pd), EBUSY);
		end(&three);
		assert_int_equal(vib_dealloc_pd(pd), 0);
	}
	assert_int_equal(vib_dealloc_td(td), 0);
	attr.comp_mask = 1;
	assert_null(vib_alloc_td(&r->ctx->verbs.context, &attr));
	assert_int_equal(errno, EINVAL);
}

static void attributes_are_checked(void **state)
{
	struct prig *r = *state;
	struct ibv_parent_domain_init_attr attr = { .comp_mask = 0 };
	struct ibv_cq_init_attr_ex cq = { .cqe = 4,
					  .comp_mask = IBV_CQ_INIT_ATTR_MASK_PD,
					  .parent_domain = r->pd };

	assert_null(vib_alloc_parent_domain(&r->ctx->verbs.context, &attr));
	assert_int_equal(errno, EINVAL);
	attr.pd = r->pd;
	attr.comp_mask = 4;
	assert_null(vib_alloc_parent_domain(&r->ctx->verbs.context, &attr));
	assert_int_equal(errno, EOPNOTSUPP);
	attr.comp_mask = IBV_PARENT_DOMAIN_INIT_ATTR_ALLOCATORS;
	attr.alloc = alloc;
	assert_null(vib_alloc_parent_domain(&r->ctx->verbs.context, &attr));
	assert_int_equal(errno, EINVAL);
	errno = 0;
	assert_null(vib_create_cq_ex(&r->ctx->verbs.context, &cq));
	assert_int_equal(errno, EINVAL);
}

static void imported_objects_are_views(void **state)
{
	struct prig *r = *state;
	struct ibv_pd *pd = vib_import_pd(&r->ctx->verbs.context, 55);
	struct ibv_mr *mr;

	assert_non_null(pd);
	assert_int_equal(pd->handle, 55);
	mr = vib_import_mr(pd, 66);
	assert_non_null(mr);
	assert_int_equal(mr->handle, 66);
	kernel.fail = EIO; /* nobody is asked */
	vib_unimport_mr(mr);
	vib_unimport_pd(pd);
	assert_int_equal(kernel.fail, EIO);
	kernel.fail = 0;
}

#define t(f) cmocka_unit_test_setup_teardown(f, prig_setup, prig_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		t(objects_take_what_the_program_allocates),
		t(default_is_ours_to_free),
		t(allocator_without_memory_fails_the_create),
		t(thread_domain_takes_the_locks_away),
		t(attributes_are_checked),
		t(imported_objects_are_views),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
