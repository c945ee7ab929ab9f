// SPDX-License-Identifier: GPL-2.0-or-later
/* Which HCAs are used, by what a made-up /sys says of them. */
#include "cm.h"

#include <stdio.h>
#include <unistd.h>

#include "tempdir.h"
#include "wire/segments.h"

static char said[SEGMENTS_WHY_MAX];

static void put(const char *name, const char *text)
{
	tempdir_write(name, text, strlen(text));
}

/* A PV Dom0 with a card, mlx5_0, and Soft-RoCE, rxe0. */
static int setup(void **state)
{
	(void)state;
	tempdir_make();
	put("hypervisor/type", "xen\n");
	put("hypervisor/guest_type", "PV\n");
	tempdir_mkdir("class/infiniband/rxe0");
	tempdir_mkdir("class/infiniband/mlx5_0/device");
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	tempdir_remove();
	return 0;
}

static bool hold(const char *device)
{
	char sysfs[512];

	snprintf(sysfs, sizeof(sysfs), "%s", tempdir_path("."));
	said[0] = '\0';
	return segments_hold(sysfs, device, said);
}

static void refuses(const char *device, const char *why)
{
	assert_false(hold(device));
	assert_non_null(strstr(said, why));
}

static void uses(const char *device)
{
	assert_true(hold(device));
	assert_string_equal(said, "");
}

static void card_is_refused_without_the_module(void **state)
{
	(void)state;
	refuses("mlx5_0", "modprobe xen_hca_segment");
}

static void card_is_refused_that_the_module_has_not_set(void **state)
{
	(void)state;
	put("module/xen_hca_segment/parameters/devices", "");
	refuses("mlx5_0", "modprobe xen_hca_segment");
	put("module/xen_hca_segment/parameters/devices", "mlx5_1\nmlx5_01\nlx5_0\n");
	refuses("mlx5_0", "modprobe xen_hca_segment");
}

static void card_is_used_that_the_module_has_set(void **state)
{
	(void)state;
	put("module/xen_hca_segment/parameters/devices", "mlx5_0\n");
	uses("mlx5_0");
	put("module/xen_hca_segment/parameters/devices", "mlx5_1\nmlx5_0\n");
	uses("mlx5_0");
	/* Each time anew: the card was gone, and is back without the module. */
	put("module/xen_hca_segment/parameters/devices", "mlx5_1\n");
	refuses("mlx5_0", "modprobe");
}

static void software_is_used_without_the_module(void **state)
{
	(void)state;
	uses("rxe0");
}

static void no_module_is_needed_but_in_a_pv_domain(void **state)
{
	(void)state;
	put("hypervisor/guest_type", "PVH\n");
	uses("mlx5_0");
	put("hypervisor/guest_type", "HVM\n");
	uses("mlx5_0");
	put("hypervisor/guest_type", "PV\n");
	put("hypervisor/type", "kvm\n");
	uses("mlx5_0");
	unlink(tempdir_path("hypervisor/type"));
	uses("mlx5_0");
}

static void what_is_not_known_is_refused(void **state)
{
	(void)state;
	unlink(tempdir_path("hypervisor/guest_type"));
	refuses("mlx5_0", "cannot be read");
	put("hypervisor/guest_type", "PV\n");
	tempdir_mkdir("module/xen_hca_segment/parameters/devices");
	refuses("mlx5_0", "cannot be read");
}

static void names_are_no_paths(void **state)
{
	char name[80];

	(void)state;
	refuses("../infiniband/rxe0", "no device's name");
	memset(name, 'a', sizeof(name) - 1);
	name[sizeof(name) - 1] = '\0';
	refuses(name, "no device's name");
}

#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(card_is_refused_without_the_module),
		T(card_is_refused_that_the_module_has_not_set),
		T(card_is_used_that_the_module_has_set),
		T(software_is_used_without_the_module),
		T(no_module_is_needed_but_in_a_pv_domain),
		T(what_is_not_known_is_refused),
		T(names_are_no_paths),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
