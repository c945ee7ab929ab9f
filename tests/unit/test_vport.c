// SPDX-License-Identifier: GPL-2.0-or-later
/* What of a vport may change while it is attached, and what is said of the rest. */
#include "cm.h"

#include <string.h>

#include <xen-ib/xenstore.h>

#include "control/vport.h"

static const struct vport_attr usual = { .fabric = "local",
					 .num_gids = 1,
					 .num_pkeys = 1 };

static void each_fixed_attribute_is_named(void **state)
{
	const char *const keys[] = { VIB_BE_FABRIC,  VIB_BE_NODE_GUID, VIB_BE_PORT_GUID,
				     VIB_BE_MAX_QP,  VIB_BE_MAX_CQ,    VIB_BE_MAX_MR,
				     VIB_BE_MAX_PD,  VIB_BE_MAX_SRQ,   VIB_BE_MAX_AH,
				     VIB_BE_MAX_MEM, VIB_BE_PREREG };
	struct vport_attr other[11];

	(void)state;
	for (unsigned int i = 0; i < 11; i++)
		other[i] = usual;
	strcpy(other[0].fabric, "storage");
	other[1].node_guid = 1;
	other[2].port_guid = 1;
	other[3].max_qp = 1;
	other[4].max_cq = 1;
	other[5].max_mr = 1;
	other[6].max_pd = 1;
	other[7].max_srq = 1;
	other[8].max_ah = 1;
	other[9].max_mem = 1;
	other[10].prereg = 1;
	for (unsigned int i = 0; i < 11; i++) {
		assert_string_equal(vport_attr_fixed(&usual, &other[i]), keys[i]);
		assert_int_equal(vport_attr_diff(&usual, &other[i]), VPORT_CHANGED_FIXED);
	}
}

static void others_can_change(void **state)
{
	struct vport_attr other = usual;

	(void)state;
	assert_null(vport_attr_fixed(&usual, &other));
	assert_int_equal(vport_attr_diff(&usual, &other), 0);
	other.link = VPORT_LINK_DOWN;
	other.gids[1].raw[15] = 1;
	other.pkeys[0] = 0x8001;
	other.rate = 1000000;
	assert_null(vport_attr_fixed(&usual, &other));
	assert_int_equal(vport_attr_diff(&usual, &other),
			 VPORT_CHANGED_PORT | VPORT_CHANGED_GID | VPORT_CHANGED_PKEY |
				 VPORT_CHANGED_RATE);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_fixed_attribute_is_named),
		cmocka_unit_test(others_can_change),
	};

	return cmocka_run_group_tests_name("vport", tests, NULL, NULL);
}
