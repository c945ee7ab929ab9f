// SPDX-License-Identifier: GPL-2.0-or-later
/* Memory regions that become others under their keys. */
#include <errno.h>
#include <stdlib.h>

#include "rig_qp.h"

/* The command that gives @r @length bytes at @iova, all of it or what @mask says. */
static struct vib_cmd_rereg_mr change(const struct region *r, uint32_t mask,
				      uint64_t iova, uint64_t length, uint32_t pd,
				      uint32_t access)
{
	struct vib_cmd_rereg_mr cmd = { .key = r->key, .mask = mask };

	cmd.mr = region_command(r->guest, iova, length, access);
	cmd.mr.pd = pd;
	if (!(mask & VIB_REREG_TRANSLATION)) {
		cmd.mr.iova = cmd.mr.length = 0;
		cmd.mr.pages.count = 0;
	}
	return cmd;
}

/* Execute @cmd with memory of its own; what it has then is in @r. */
static int rereg(struct region *r, const struct vib_cmd_rereg_mr *cmd)
{
	struct vhca *vhca = r->guest->vhca;
	struct memory memory = { 0 }, old = { 0 };
	struct vib_cmd_reg_mr want;
	bool moves = cmd->mask & VIB_REREG_TRANSLATION;
	int rc = mr_rereg_check(vhca, cmd, &want);

	if (rc < 0)
		return rc;
	if (moves)
		memory = memory_new(want.iova % VIB_PAGE_SIZE + want.length,
				    want.pages.count);
	rc = mr_rereg(vhca, r->key, &want, moves ? &memory : NULL, &old);
	if (rc < 0) {
		free(memory.at);
		return rc;
	}
	if (moves) {
		r->iova = want.iova;
		r->length = want.length;
		r->at = memory.at + want.iova % VIB_PAGE_SIZE;
	}
	free(old.at);
	return 0;
}

static uint8_t *reach(const struct region *r, uint32_t pd, uint64_t addr, uint64_t length,
		      uint32_t access)
{
	return mr_reach(r->guest->vhca, &(struct mr_hint){ 0 }, r->key, pd, addr, length,
			access);
}

static void region_moves_and_keeps_its_key(void **state)
{
	struct rig *rig = rig_new(1);
	struct guest *g = guest_new(rig);
	struct region r = region_at(g, 0x1000, 100, ALL_RIGHTS);
	struct vib_cmd_rereg_mr cmd =
		change(&r, VIB_REREG_TRANSLATION, 0x90008, 5000, 0, 0);

	(void)state;
	assert_int_equal(rereg(&r, &cmd), 0);
	assert_null(reach(&r, g->pd, 0x1000, 1, 0));
	assert_ptr_equal(reach(&r, g->pd, 0x90008, 5000, ALL_RIGHTS), r.at);
	assert_null(reach(&r, g->pd, 0x90008, 5001, 0));
	rig_free(rig);
}

static void pd_changes_alone(void **state)
{
	struct rig *rig = rig_new(1);
	struct guest *g = guest_new(rig);
	struct region r = region_at(g, 0x1000, 100, ALL_RIGHTS);
	struct vib_cmd_rereg_mr cmd;
	uint32_t other;

	(void)state;
	assert_int_equal(pd_create(g->vhca, &other), 0);
	cmd = change(&r, VIB_REREG_PD, 0, 0, other, 0);
	assert_int_equal(rereg(&r, &cmd), 0);
	assert_null(reach(&r, g->pd, 0x1000, 1, 0));
	assert_ptr_equal(reach(&r, other, 0x1000, 100, ALL_RIGHTS), r.at);
	/* It is used by this one, and no longer by that. */
	assert_int_equal(pd_destroy(g->vhca, other), -EBUSY);
	cmd = change(&r, VIB_REREG_PD, 0, 0, g->pd, 0);
	assert_int_equal(rereg(&r, &cmd), 0);
	assert_int_equal(pd_destroy(g->vhca, other), 0);
	rig_free(rig);
}

static void rights_change_alone(void **state)
{
	struct rig *rig = rig_new(1);
	struct guest *g = guest_new(rig);
	struct region r = region_at(g, 0x1000, 100, ALL_RIGHTS);
	struct vib_cmd_rereg_mr cmd =
		change(&r, VIB_REREG_ACCESS, 0, 0, 0, VIB_ACCESS_REMOTE_READ);

	(void)state;
	assert_int_equal(rereg(&r, &cmd), 0);
	assert_ptr_equal(reach(&r, g->pd, 0x1000, 100, VIB_ACCESS_REMOTE_READ), r.at);
	assert_null(reach(&r, g->pd, 0x1000, 100, VIB_ACCESS_LOCAL_WRITE));
	/* The pages are still mapped to be written. */
	cmd.mr.access = ALL_RIGHTS;
	assert_int_equal(rereg(&r, &cmd), 0);
	assert_ptr_equal(reach(&r, g->pd, 0x1000, 100, ALL_RIGHTS), r.at);
	rig_free(rig);
}

static void all_of_a_region_changes_at_once(void **state)
{
	struct rig *rig = rig_new(1);
	struct guest *g = guest_new(rig);
	struct region r = region_at(g, 0x1000, 100, VIB_ACCESS_REMOTE_READ);
	struct vib_cmd_rereg_mr cmd;
	uint32_t other;

	(void)state;
	assert_int_equal(pd_create(g->vhca, &other), 0);
	cmd = change(&r, VIB_REREG_TRANSLATION | VIB_REREG_PD | VIB_REREG_ACCESS, 0x5010,
		     64, other, LOCAL_ONLY);
	assert_int_equal(rereg(&r, &cmd), 0);
	assert_ptr_equal(reach(&r, other, 0x5010, 64, LOCAL_ONLY), r.at);
	assert_null(reach(&r, other, 0x5010, 64, VIB_ACCESS_REMOTE_READ));
	rig_free(rig);
}

static void what_was_mapped_to_be_read_is_not_written(void **state)
{
	struct rig *rig = rig_new(1);
	struct guest *g = guest_new(rig);
	struct region r = region_at(g, 0x1000, 100, VIB_ACCESS_REMOTE_READ);
	struct vib_cmd_rereg_mr cmd = change(&r, VIB_REREG_ACCESS, 0, 0, 0, LOCAL_ONLY);

	(void)state;
	assert_int_equal(rereg(&r, &cmd), -EINVAL);
	assert_null(reach(&r, g->pd, 0x1000, 1, LOCAL_ONLY));
	/* Other rights it may get, and LOCAL_WRITE with other pages. */
	cmd.mr.access = 0;
	assert_int_equal(rereg(&r, &cmd), 0);
	cmd.mr.access = LOCAL_ONLY;
	assert_int_equal(rereg(&r, &cmd), -EINVAL);
	cmd = change(&r, VIB_REREG_TRANSLATION | VIB_REREG_ACCESS, 0x2000, 100, 0,
		     LOCAL_ONLY);
	assert_int_equal(rereg(&r, &cmd), 0);
	assert_non_null(reach(&r, g->pd, 0x2000, 1, LOCAL_ONLY));
	/* And back: pages that were given to be read. */
	cmd = change(&r, VIB_REREG_TRANSLATION | VIB_REREG_ACCESS, 0x2000, 100, 0, 0);
	assert_int_equal(rereg(&r, &cmd), 0);
	cmd = change(&r, VIB_REREG_ACCESS, 0, 0, 0, LOCAL_ONLY);
	assert_int_equal(rereg(&r, &cmd), -EINVAL);
	rig_free(rig);
}

static void operands_out_of_bounds_are_refused_and_change_nothing(void **state)
{
	struct rig *rig = rig_new(1);
	struct guest *g = guest_new(rig), *stranger = guest_new(rig);
	struct region r = region_at(g, 0x1000, 100, ALL_RIGHTS);
	struct region theirs = region_at(stranger, 0x1000, 100, ALL_RIGHTS);
	const struct vib_cmd_rereg_mr good =
		change(&r, VIB_REREG_TRANSLATION | VIB_REREG_PD | VIB_REREG_ACCESS,
		       0x5010, 0x3000, g->pd, ALL_RIGHTS);
	struct vib_cmd_reg_mr want;
	struct vib_cmd_rereg_mr bad;

	(void)state;
	assert_int_equal(mr_rereg_check(g->vhca, &good, &want), 0);
#define REFUSED(change)                                                          \
	do {                                                                     \
		bad = good;                                                      \
		change;                                                          \
		assert_int_equal(mr_rereg_check(g->vhca, &bad, &want), -EINVAL); \
	} while (0)
	REFUSED(bad.mask = 0);
	REFUSED(bad.mask |= 8);
	REFUSED(bad.mask |= 0x80000000);
	REFUSED(bad.key++);
	REFUSED(bad.key = 0);
	REFUSED(bad.key = theirs.key);
	REFUSED(bad.mr.pd += 100);
	REFUSED(bad.mr.access = VIB_ACCESS_REMOTE_WRITE);
	REFUSED(bad.mr.access |= VIB_ACCESS_ZERO_BASED);
	REFUSED(bad.mr.length = 0);
	REFUSED(bad.mr.length = UINT64_MAX);
	REFUSED(bad.mr.iova = UINT64_MAX);
	REFUSED(bad.mr.pages.count--);
	REFUSED(bad.mr.pages.count++);
#undef REFUSED
	/* What is not in the mask is not looked at. */
	bad = change(&r, VIB_REREG_PD, 0, 0, g->pd, 0x12345678);
	bad.mr.length = UINT64_MAX;
	assert_int_equal(mr_rereg_check(g->vhca, &bad, &want), 0);
	assert_ptr_equal(reach(&r, g->pd, 0x1000, 100, ALL_RIGHTS), r.at);
	rig_free(rig);
}

static void zero_based_region_changes_in_nothing(void **state)
{
	struct rig *rig = rig_new(1);
	struct guest *g = guest_new(rig);
	struct region r = region_at(g, 4, 100, ALL_RIGHTS | VIB_ACCESS_ZERO_BASED);
	struct region other = region_at(g, 0x1000, 100, ALL_RIGHTS);
	struct vib_cmd_rereg_mr cmd = change(&r, VIB_REREG_ACCESS, 0, 0, 0, LOCAL_ONLY);

	(void)state;
	assert_int_equal(rereg(&r, &cmd), -EINVAL);
	cmd = change(&r, VIB_REREG_TRANSLATION | VIB_REREG_ACCESS, 8, 100, 0, ALL_RIGHTS);
	assert_int_equal(rereg(&r, &cmd), -EINVAL);
	assert_ptr_equal(reach(&r, g->pd, 0, 100, ALL_RIGHTS), r.at);
	/* And none becomes one. */
	cmd = change(&other, VIB_REREG_TRANSLATION | VIB_REREG_ACCESS, 4, 100, 0,
		     ALL_RIGHTS | VIB_ACCESS_ZERO_BASED);
	assert_int_equal(rereg(&other, &cmd), -EINVAL);
	assert_ptr_equal(reach(&other, g->pd, 0x1000, 100, ALL_RIGHTS), other.at);
	rig_free(rig);
}

static void quota_of_regions_does_not_hinder_a_change(void **state)
{
	static const struct vhca_limits limits = { 4, 4, 4, 1, 4, 100, 0, 0 };
	struct rig *rig = rig_new(1);
	struct guest *g = guest_bare(rig, &limits);
	struct vib_cmd_rereg_mr cmd;
	struct region r;

	(void)state;
	assert_int_equal(pd_create(g->vhca, &g->pd), 0);
	r = region_at(g, 0x1000, 100, ALL_RIGHTS);
	cmd = change(&r, VIB_REREG_TRANSLATION, 0x2000, 100, 0, 0);
	assert_int_equal(rereg(&r, &cmd), 0);
	assert_int_equal(g->vhca->mrs.count, 1);
	region_end(&r);
	assert_int_equal(g->vhca->mrs.count, 0);
	rig_free(rig);
}

static void hint_of_what_it_was_does_not_hold(void **state)
{
	struct rig *rig = rig_new(1);
	struct guest *g = guest_new(rig);
	struct region r = region_at(g, 0x1000, 64, ALL_RIGHTS);
	struct vib_cmd_rereg_mr cmd = change(&r, VIB_REREG_TRANSLATION, 0x1000, 32, 0, 0);
	struct mr_hint hint = { 0 };

	(void)state;
	assert_ptr_equal(mr_reach(g->vhca, &hint, r.key, g->pd, 0x1000, 64, 0), r.at);
	assert_int_equal(rereg(&r, &cmd), 0);
	assert_null(mr_reach(g->vhca, &hint, r.key, g->pd, 0x1000, 64, 0));
	assert_ptr_equal(mr_reach(g->vhca, &hint, r.key, g->pd, 0x1000, 32, 0), r.at);
	rig_free(rig);
}

/* A message that needs several passes: its further parts go where the region is then. */
static void message_under_way_goes_on_in_the_new_region(void **state)
{
	const uint32_t mib = 1u << 20;
	struct duo *d = duo_new(VIB_QPT_RC);
	struct region big = region_at(d->gb, 0x10000, 2 * mib, ALL_RIGHTS);
	struct region src = region_at(d->ga, 0x10000, 2 * mib, ALL_RIGHTS);
	struct wr wr = duo_wr(d, 1, VIB_OP_RDMA_WRITE, 2 * mib);
	struct vib_cmd_rereg_mr cmd =
		change(&big, VIB_REREG_TRANSLATION, 0x10000, 2 * mib, 0, 0);

	(void)state;
	fill(src.at, 2 * mib, 5);
	wr.sge[0] = sge_of(&src, 0, 2 * mib);
	wr.addr = big.iova;
	wr.rkey = big.key;
	post_send(&d->a, &wr);
	rig_pass(d->rig);
	assert_true(pqp_inner(&d->a)->sending.active);
	assert_int_equal(rereg(&big, &cmd), 0);
	rig_run(d->rig);
	take_cqe(&d->cqa, 1, VIB_WC_SUCCESS);
	assert_int_equal(big.at[0], 0); /* was written where it was before */
	assert_memory_equal(big.at + mib, src.at + mib, mib);
	duo_free(d);
}

static void message_under_way_is_denied_what_the_region_no_longer_has(void **state)
{
	const uint32_t mib = 1u << 20;
	struct duo *d = duo_new(VIB_QPT_RC);
	struct region big = region_at(d->gb, 0x10000, 2 * mib, ALL_RIGHTS);
	struct region src = region_at(d->ga, 0x10000, 2 * mib, ALL_RIGHTS);
	struct wr wr = duo_wr(d, 1, VIB_OP_RDMA_WRITE, 2 * mib);
	struct vib_cmd_rereg_mr cmd = change(&big, VIB_REREG_ACCESS, 0, 0, 0, LOCAL_ONLY);

	(void)state;
	wr.sge[0] = sge_of(&src, 0, 2 * mib);
	wr.addr = big.iova;
	wr.rkey = big.key;
	post_send(&d->a, &wr);
	rig_pass(d->rig);
	assert_int_equal(rereg(&big, &cmd), 0);
	rig_run(d->rig);
	take_cqe(&d->cqa, 1, VIB_WC_REM_ACCESS_ERR);
	assert_async(d->gb, VIB_ASYNC_QP_ACCESS_ERR, d->b.qpn);
	duo_free(d);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(region_moves_and_keeps_its_key),
		cmocka_unit_test(pd_changes_alone),
		cmocka_unit_test(rights_change_alone),
		cmocka_unit_test(all_of_a_region_changes_at_once),
		cmocka_unit_test(what_was_mapped_to_be_read_is_not_written),
		cmocka_unit_test(operands_out_of_bounds_are_refused_and_change_nothing),
		cmocka_unit_test(zero_based_region_changes_in_nothing),
		cmocka_unit_test(quota_of_regions_does_not_hinder_a_change),
		cmocka_unit_test(hint_of_what_it_was_does_not_hold),
		cmocka_unit_test(message_under_way_goes_on_in_the_new_region),
		cmocka_unit_test(
			message_under_way_is_denied_what_the_region_no_longer_has),
	};

	alarm(120);
	return cmocka_run_group_tests_name("changed memory regions", tests, rig_enter,
					   rig_leave);
}
