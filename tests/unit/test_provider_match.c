// SPDX-License-Identifier: GPL-2.0-or-later
/* Which kernels the provider tells libibverbs that it goes with. */
#include "cm.h"

#include <xen-ib/uverbs.h>

#include "provider/verbs.h"

static const struct verbs_device_ops *registered;

/* libibverbs', which the provider calls when it is loaded. */
void verbs_register_driver_34(const struct verbs_device_ops *ops)
{
	registered = ops;
}

static bool goes_with(uint32_t abi)
{
	return abi >= registered->match_min_abi_version &&
	       abi <= registered->match_max_abi_version;
}

static void the_kernel_of_these_headers_is_served(void **state)
{
	(void)state;
	assert_non_null(registered);
	assert_true(goes_with(VIB_UVERBS_ABI));
}

/* Its answer to creating an SRQ is shorter. */
static void one_whose_srqs_have_no_doorbell_is_not(void **state)
{
	(void)state;
	assert_true(sizeof(struct vib_uresp_create_srq) > 32);
	assert_false(goes_with(1));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_kernel_of_these_headers_is_served),
		cmocka_unit_test(one_whose_srqs_have_no_doorbell_is_not),
	};

	return cmocka_run_group_tests_name("provider: match", tests, NULL, NULL);
}
