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

int main(void)
{
	const struct CMUnitTest tests[] = {
		wire_test(what_is_only_sent_is_mapped_read_only),
		cmocka_unit_test_setup_teardown(an_old_kernel_has_it_mapped_for_writing,
						set_up_old, wire_tear_down),
	};

	return cmocka_run_group_tests_name("wire: MRs", tests, NULL, NULL);
}
