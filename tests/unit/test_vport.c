// SPDX-License-Identifier: GPL-2.0-or-later
/* What of a vport may change while it is attached, and what is said of the rest. */
#include "cm.h"

#include <stdio.h>
#include <string.h>

#include <xen-ib/xenstore.h>

#include "control/vport.h"
#include "fake_store.h"
#include "schema/schema.h"

#define BE "/local/domain/0/backend/vib/1/0"

static const struct vport_attr usual = { .fabric = "local",
					 .num_gids = 1,
					 .num_pkeys = 1 };

static void each_fixed_attribute_is_named(void **state)
{
	const char *const keys[] = { VIB_BE_FABRIC, VIB_BE_NODE_GUID, VIB_BE_PORT_GUID,
				     VIB_BE_PREREG };
	struct vport_attr other[4];

	(void)state;
	for (unsigned int i = 0; i < 4; i++)
		other[i] = usual;
	strcpy(other[0].fabric, "storage");
	other[1].node_guid = 1;
	other[2].port_guid = 1;
	other[3].prereg = 1;
	for (unsigned int i = 0; i < 4; i++) {
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

static void each_quota_can_change(void **state)
{
	struct vport_attr other[7];

	(void)state;
	for (unsigned int i = 0; i < 7; i++)
		other[i] = usual;
	other[0].max_qp = 1;
	other[1].max_cq = 1;
	other[2].max_mr = 1;
	other[3].max_pd = 1;
	other[4].max_srq = 1;
	other[5].max_ah = 1;
	other[6].max_mem = 1;
	for (unsigned int i = 0; i < 7; i++) {
		assert_null(vport_attr_fixed(&usual, &other[i]));
		assert_int_equal(vport_attr_diff(&usual, &other[i]), VPORT_CHANGED_QUOTA);
	}
}

/* ---- what the schema says of it ---------------------------------------- */

static void put(struct xenport *xp, const char *key, const char *value)
{
	char path[XENPORT_PATH_MAX];

	snprintf(path, sizeof(path), "%s/%s", BE, key);
	assert_int_equal(xenport_write(xp, XENPORT_NO_TRANSACTION, path, value), 0);
}

/* Other than the default, and than those below. */
static const char *another_value(const struct schema_node *node)
{
	switch (node->type) {
	case SCHEMA_UINT:
		return "7";
	case SCHEMA_ENUM:
		return node->allowed[1];
	case SCHEMA_NAME:
		return "other";
	case SCHEMA_GUID:
		return "0x0002c90300000077";
	case SCHEMA_PKEYS:
		return "0x8077";
	case SCHEMA_GIDS:
		return "fe80::77";
	case SCHEMA_RATE:
	case SCHEMA_SIZE:
		return "77M";
	default:
		fail_msg("%s: a type that this test has no value of", node->key);
		return NULL;
	}
}

static void read_attr(struct xenport *xp, struct vport_attr *attr)
{
	char why[WHY_MAX] = "";

	if (vport_attr_read(xp, BE, attr, why, sizeof(why)) < 0)
		fail_msg("%s", why);
}

static void changes_are_those_that_the_schema_has(void **state)
{
	struct xenport *xp = fake_port(fake_store_new());
	struct vport_attr before, after;

	(void)state;
	for (size_t i = 0; i < schema_node_count; i++) {
		const struct schema_node *node = &schema_nodes[i];

		if (node->side != SCHEMA_BACKEND || !node->config)
			continue;
		assert_int_equal(xenport_rm(xp, XENPORT_NO_TRANSACTION, BE), 0);
		put(xp, VIB_BE_NODE_GUID, "0x02163e0000000001");
		put(xp, VIB_BE_PORT_GUID, "0x02163e0000000002");
		read_attr(xp, &before);
		put(xp, node->key, another_value(node));
		read_attr(xp, &after);
		if (node->changes) {
			assert_int_not_equal(vport_attr_diff(&before, &after), 0);
			assert_null(vport_attr_fixed(&before, &after));
		} else if (vport_attr_diff(&before, &after)) {
			assert_string_equal(vport_attr_fixed(&before, &after), node->key);
		}
	}
	xenport_close(xp);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_fixed_attribute_is_named),
		cmocka_unit_test(others_can_change),
		cmocka_unit_test(each_quota_can_change),
		cmocka_unit_test(changes_are_those_that_the_schema_has),
	};

	return cmocka_run_group_tests_name("vport", tests, NULL, NULL);
}
