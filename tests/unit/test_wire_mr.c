// SPDX-License-Identifier: GPL-2.0-or-later
/* Memory regions of a guest at an HCA. */
#include <errno.h>
#include <sys/mman.h>

#include "wire_rig.h"

/* ---- memory that is only read ------------------------------------------- */

static uint32_t capabilities(struct world *w)
{
	struct vib_control_response rsp =
		execute(&w->a, its_request(VIB_CMD_QUERY_DEVICE));

	assert_int_equal(rsp.status, 0);
	return rsp.u.device.cap_flags;
}

/* An MR of two pages, which are mapped as gntdev maps them, without rights to write. */
static int32_t register_to_send(struct world *w, uint32_t *key)
{
	struct vib_control_request req = reg_mr(&w->a, pd_of(&w->a), 2);
	struct vib_control_response rsp;

	req.u.reg_mr.access = 0;
	rsp = execute(&w->a, req);
	*key = rsp.u.reg_mr.lkey;
	return rsp.status;
}

static bool is_mapped_writable(struct world *w, uint32_t key)
{
	const struct mr *mr = table_get(&vhca_of(&w->a)->mrs, key, mr);

	return madvise(mr->memory.at, VIB_PAGE_SIZE, MADV_POPULATE_WRITE) == 0;
}

static void what_is_only_sent_is_mapped_read_only(void **state)
{
	struct world *w = *state;
	uint32_t key;

	assert_false(capabilities(w) & VIB_CAP_WRITABLE_GRANTS);
	assert_int_equal(register_to_send(w, &key), 0);
	assert_int_equal(fake_hca.mrs, 1);
	assert_false(is_mapped_writable(w, key));
}

static int set_up_old(void **state)
{
	wire_rig_pins_for_writing = true;
	return wire_set_up(state);
}

static void an_old_kernel_has_it_mapped_for_writing(void **state)
{
	struct world *w = *state;
	uint32_t key;

	assert_true(capabilities(w) & VIB_CAP_WRITABLE_GRANTS);
	assert_int_equal(register_to_send(w, &key), 0);
	assert_int_equal(fake_hca.mrs, 1);
	assert_true(is_mapped_writable(w, key));
}

/* With an HCA Linux registers what has the offset of its address in its page. */
static void zero_based_regions_are_refused(void **state)
{
	struct world *w = *state;
	struct vib_control_request req = reg_mr(&w->a, pd_of(&w->a), 2);
	unsigned int pages = mapped(w);

	req.u.reg_mr.iova = 4;
	req.u.reg_mr.length = VIB_PAGE_SIZE;
	assert_int_equal(execute(&w->a, req).status, 0);
	req.u.reg_mr.access |= VIB_ACCESS_ZERO_BASED;
	assert_int_equal(execute(&w->a, req).status, -EOPNOTSUPP);
	assert_int_equal(mapped(w), pages + 2);
	assert_int_equal(fake_hca.mrs, 1);
}

/* ---- registering anew ---------------------------------------------------- */

static struct vib_control_request rereg(uint32_t key, uint32_t mask)
{
	struct vib_control_request req = its_request(VIB_CMD_REREG_MR);

	req.u.rereg_mr.key = key;
	req.u.rereg_mr.mask = mask;
	return req;
}

static int32_t deregister(struct world *w, uint32_t key)
{
	return execute(&w->a, dereg_mr(key)).status;
}

static void other_rights_have_another_key(void **state)
{
	struct world *w = *state;
	uint32_t key = register_mr(&w->a, 2);
	struct vib_control_request req = rereg(key, VIB_REREG_ACCESS);
	struct vib_control_response rsp;
	unsigned int pages = mapped(w);

	req.u.rereg_mr.mr.access = VIB_ACCESS_LOCAL_WRITE | VIB_ACCESS_REMOTE_READ;
	rsp = execute(&w->a, req);
	assert_int_equal(rsp.status, 0);
	assert_int_not_equal(rsp.u.reg_mr.lkey, key);
	assert_int_equal(rsp.u.reg_mr.lkey, rsp.u.reg_mr.rkey);
	assert_int_equal(fake_hca.mrs, 1);
	assert_int_equal(mapped(w), pages);
	assert_int_equal(deregister(w, key), -EINVAL);
	assert_int_equal(deregister(w, rsp.u.reg_mr.lkey), 0);
	assert_int_equal(fake_hca.mrs, 0);
}

static void another_place_frees_the_old_memory(void **state)
{
	struct world *w = *state;
	uint32_t pd = pd_of(&w->a), key;
	struct vib_control_request req = reg_mr(&w->a, pd, 2), again;
	struct vib_control_response rsp;
	unsigned int pages;

	key = execute(&w->a, req).u.reg_mr.lkey;
	pages = mapped(w);
	again = rereg(key, VIB_REREG_TRANSLATION | VIB_REREG_PD);
	again.u.rereg_mr.mr = reg_mr(&w->a, pd_of(&w->a), 3).u.reg_mr;
	rsp = execute(&w->a, again);
	assert_int_equal(rsp.status, 0);
	assert_int_equal(mapped(w), pages + 1);
	assert_int_equal(fake_hca.mrs, 1);
	/* It is of the other PD by now. */
	req = its_request(VIB_CMD_DEALLOC_PD);
	req.u.object.number = pd;
	assert_int_equal(execute(&w->a, req).status, 0);
}

static void what_the_hca_refuses_stays_as_it_was(void **state)
{
	struct world *w = *state;
	uint32_t key = register_mr(&w->a, 2);
	struct vib_control_request req = rereg(key, VIB_REREG_TRANSLATION);
	unsigned int pages = mapped(w);

	req.u.rereg_mr.mr = reg_mr(&w->a, 0, 3).u.reg_mr;
	fake_hca.reg_mr_error = ENOMEM;
	assert_int_equal(execute(&w->a, req).status, -ENOMEM);
	assert_int_equal(mapped(w), pages);
	assert_int_equal(fake_hca.mrs, 1);
	assert_int_equal(deregister(w, key), 0);
}

/* Nothing is left of what is under way when its guest goes. */
static void a_guest_may_go_in_between(void **state)
{
	struct world *w = *state;
	uint32_t key = register_mr(&w->a, 2);
	struct vib_control_request req = rereg(key, VIB_REREG_TRANSLATION);

	req.u.rereg_mr.mr = reg_mr(&w->a, 0, 3).u.reg_mr;
	ask(&w->a, req);
	step(w);
	frontend_state(&w->a, "6");
	fake_settle(w->xen);
	assert_int_equal(fake_hca.mrs, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		wire_test(what_is_only_sent_is_mapped_read_only),
		cmocka_unit_test_setup_teardown(an_old_kernel_has_it_mapped_for_writing,
						set_up_old, wire_tear_down),
		wire_test(zero_based_regions_are_refused),
		wire_test(other_rights_have_another_key),
		wire_test(another_place_frees_the_old_memory),
		wire_test(what_the_hca_refuses_stays_as_it_was),
		wire_test(a_guest_may_go_in_between),
	};

	return cmocka_run_group_tests_name("wire: MRs", tests, NULL, NULL);
}
