// SPDX-License-Identifier: GPL-2.0-or-later
/* Device memory: copies to and from it, who shares it, and when it goes. */
#include "provider_rig.h"

#include <sys/wait.h>
#include <unistd.h>

#define ACCESS (IBV_ACCESS_ZERO_BASED | IBV_ACCESS_LOCAL_WRITE)

static struct ibv_dm *dm_of(struct prig *r, size_t length)
{
	struct ibv_alloc_dm_attr attr = { .length = length };
	struct ibv_dm *dm = vib_alloc_dm(&r->ctx->verbs.context, &attr);

	assert_non_null(dm);
	assert_int_equal(dm->handle, kernel.dm_handle);
	assert_true(dm->comp_mask & IBV_DM_MASK_HANDLE);
	return dm;
}

static void what_is_copied_there_is_copied_back(void **state)
{
	const char text[8] = "1234567";
	char back[100] = { 0 };
	struct ibv_dm *dm = dm_of(*state, sizeof(back));

	assert_int_equal(ibv_memcpy_to_dm(dm, 92, text, 8), 0);
	assert_int_equal(ibv_memcpy_from_dm(back, dm, 0, 100), 0);
	assert_memory_equal(back + 92, text, 8);
	for (int i = 0; i < 92; i++)
		assert_int_equal(back[i], 0);
	assert_int_equal(ibv_memcpy_from_dm(back, dm, 96, 4), 0);
	assert_memory_equal(back, text + 4, 4);
	assert_int_equal(ibv_memcpy_to_dm(dm, 100, text, 0), 0);
	assert_int_equal(vib_free_dm(dm), 0);
}

static void copies_are_of_words_and_within_it(void **state)
{
	static const struct {
		uint64_t offset;
		size_t length;
		int want;
	} bad[] = {
		{ 3, 4, EINVAL },
		{ 4, 3, EINVAL },
		{ 104, 4, EFAULT },
		{ 100, 4, EFAULT },
		{ 0, 104, EFAULT },
		{ 96, 8, EFAULT },
		{ UINT64_MAX - 3, 4, EFAULT },
		{ UINT64_MAX - 3, 8, EFAULT },
		{ 4, SIZE_MAX - 3, EFAULT },
	};
	struct ibv_dm *dm = dm_of(*state, 100);
	char host[128] = { 1 };

	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		assert_int_equal(ibv_memcpy_to_dm(dm, bad[i].offset, host, bad[i].length),
				 bad[i].want);
		assert_int_equal(
			ibv_memcpy_from_dm(host, dm, bad[i].offset, bad[i].length),
			bad[i].want);
		assert_int_equal(host[0], 1);
	}
	assert_int_equal(vib_free_dm(dm), 0);
}

static void who_imports_it_sees_the_same(void **state)
{
	struct prig *r = *state;
	struct ibv_dm *dm = dm_of(r, 8192), *view;
	int mappings = prig_mappings();
	uint32_t word = 0xabcd;

	view = vib_import_dm(&r->ctx->verbs.context, dm->handle);
	assert_non_null(view);
	assert_int_equal(view->handle, dm->handle);
	assert_int_equal(ibv_memcpy_to_dm(dm, 8188, &word, 4), 0);
	word = 0;
	assert_int_equal(ibv_memcpy_from_dm(&word, view, 8188, 4), 0);
	assert_int_equal(word, 0xabcd);
	assert_int_equal(ibv_memcpy_to_dm(view, 8192, &word, 4), EFAULT);
	vib_unimport_dm(view);
	assert_int_equal(prig_mappings(), mappings);
	assert_int_equal(vib_free_dm(dm), 0);
}

static void children_see_the_same(void **state)
{
	struct ibv_dm *dm = dm_of(*state, 4096);
	uint32_t word = 77;
	int status;
	pid_t child = fork();

	assert_true(child >= 0);
	if (child == 0)
		_exit(ibv_memcpy_to_dm(dm, 0, &word, 4));
	word = 0;
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_int_equal(status, 0);
	assert_int_equal(ibv_memcpy_from_dm(&word, dm, 0, 4), 0);
	assert_int_equal(word, 77);
	assert_int_equal(vib_free_dm(dm), 0);
}

static void it_stays_while_it_has_a_region(void **state)
{
	struct prig *r = *state;
	struct ibv_dm *dm = dm_of(r, 4096);
	struct ibv_mr *mr = vib_reg_dm_mr(r->pd, dm, 0, 4096, ACCESS);
	uint32_t word = 5;

	assert_non_null(mr);
	assert_null(mr->addr);
	assert_int_equal(vib_free_dm(dm), EBUSY);
	assert_int_equal(ibv_memcpy_to_dm(dm, 4092, &word, 4), 0);
	assert_int_equal(vib_dereg_mr((struct verbs_mr *)mr), 0);
	assert_int_equal(vib_free_dm(dm), 0);
}

static void what_the_kernel_refuses_leaves_nothing(void **state)
{
	struct prig *r = *state;
	struct ibv_context *context = &r->ctx->verbs.context;
	struct ibv_alloc_dm_attr attr = { .length = 4096 };
	int mappings = prig_mappings(), objects = kernel.objects;
	struct ibv_dm *dm;

	kernel.fail = ENOMEM;
	assert_null(vib_alloc_dm(context, &attr));
	assert_int_equal(errno, ENOMEM);
	kernel.fail_query = EPERM; /* and it is freed again */
	assert_null(vib_alloc_dm(context, &attr));
	assert_int_equal(errno, EPERM);
	assert_int_equal(kernel.objects, objects);
	assert_null(vib_import_dm(context, kernel.dm_handle + 1));
	assert_int_equal(errno, ENOENT);

	dm = dm_of(r, 4096);
	kernel.dm.length = 4097; /* more than can be mapped */
	assert_null(vib_import_dm(context, dm->handle));
	assert_int_equal(errno, EPROTO);
	kernel.fail = EINVAL;
	assert_null(vib_reg_dm_mr(r->pd, dm, 0, 4100, ACCESS));
	assert_int_equal(errno, EINVAL);
	assert_int_equal(vib_free_dm(dm), 0);

	attr.comp_mask = 1;
	assert_null(vib_alloc_dm(context, &attr));
	assert_int_equal(errno, EINVAL);
	assert_int_equal(kernel.objects, objects);
	assert_int_equal(prig_mappings(), mappings);
}

#define t(f) cmocka_unit_test_setup_teardown(f, prig_setup, prig_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		t(what_is_copied_there_is_copied_back),
		t(copies_are_of_words_and_within_it),
		t(who_imports_it_sees_the_same),
		t(children_see_the_same),
		t(it_stays_while_it_has_a_region),
		t(what_the_kernel_refuses_leaves_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
