// SPDX-License-Identifier: GPL-2.0-or-later
/* The query commands: right answers, and any request at all. */
#include <endian.h>
#include <errno.h>

#include "cm.h"
#include "control/command.h"
#include "control/pages.h"
#include "control/vport.h"
#include "engine/vhca.h"
#include "xenport/ops.h"

/* Commands about the device and its port need no object. */
static struct vhca nothing = {
	.ended = { .pkey_violations = 0x100000003, .qkey_violations = 5, .rcv_bytes = 77 }
};
static struct guest nobody = { .vhca = &nothing };

static struct fabric fabric = { .name = "local", .up = true };

static struct vport make_vport(void)
{
	struct vport v = { .fabric = &fabric, .lid = 7 };

	v.attr.node_guid = 0x0216;
	v.attr.port_guid = 0x0217;
	v.attr.max_qp = 11;
	v.attr.num_gids = 2;
	v.attr.gids[0].raw[0] = 0xfe;
	v.attr.gids[1].raw[15] = 0x42;
	v.attr.num_pkeys = 2;
	v.attr.pkeys[0] = 0x8001;
	v.attr.pkeys[1] = 0x7fff;
	return v;
}

static struct vib_control_response run_on(struct vport *v, struct vib_control_request req)
{
	struct command c = { .guest = &nobody, .req = req };

	memset(&c.rsp, 0xa5, sizeof(c.rsp)); /* whatever lay there must not get out */
	assert_true(command_execute(&c, v));
	return c.rsp;
}

static struct vib_control_response run(struct vib_control_request req)
{
	struct vport v = make_vport();

	return run_on(&v, req);
}

static bool all_zero(const void *p, size_t size)
{
	const unsigned char *c = p;

	for (size_t i = 0; i < size; i++)
		if (c[i])
			return false;
	return true;
}

static void answer_names_its_request(void **state)
{
	struct vib_control_response rsp =
		run((struct vib_control_request){ .id = 0xbeef, .operation = 0x7777 });

	(void)state;
	assert_int_equal(rsp.id, 0xbeef);
	assert_int_equal(rsp.operation, 0x7777);
}

static void device_has_guid_and_quota(void **state)
{
	struct vib_control_response rsp =
		run((struct vib_control_request){ .operation = VIB_CMD_QUERY_DEVICE });

	(void)state;
	assert_int_equal(rsp.status, 0);
	assert_true(be64toh(rsp.u.device.node_guid) == 0x0216);
	assert_int_equal(rsp.u.device.max_qp, 11);
	assert_int_equal(rsp.u.device.ports, 1);
}

static void port_follows_fabric_and_link(void **state)
{
	struct vib_control_request req = { .operation = VIB_CMD_QUERY_PORT,
					   .port = VIB_PORT };
	struct vib_control_response rsp;
	struct vport v = make_vport();

	(void)state;
	rsp = run_on(&v, req);
	assert_int_equal(rsp.status, 0);
	assert_int_equal(rsp.u.port.state, VIB_PORT_ACTIVE);
	assert_int_equal(rsp.u.port.lid, 7);
	assert_int_not_equal(rsp.u.port.sm_lid, 0);

	v.attr.link = VPORT_LINK_DOWN;
	rsp = run_on(&v, req);
	assert_int_equal(rsp.u.port.state, VIB_PORT_DOWN);

	fabric.up = false;
	v.attr.link = VPORT_LINK_AUTO;
	rsp = run_on(&v, req);
	assert_int_equal(rsp.u.port.state, VIB_PORT_DOWN);
	v.attr.link = VPORT_LINK_UP;
	rsp = run_on(&v, req);
	assert_int_equal(rsp.u.port.state, VIB_PORT_ACTIVE);
	fabric.up = true;
}

static void other_ports_do_not_exist(void **state)
{
	static const uint32_t ports[] = { 0, 2, 255, 0xffffffff };

	(void)state;
	for (size_t i = 0; i < 4; i++)
		assert_int_equal(
			run((struct vib_control_request){ .operation = VIB_CMD_QUERY_PORT,
							  .port = ports[i] })
				.status,
			-EINVAL);
}

static void what_users_add_the_port_can_do(void **state)
{
	struct vib_control_request req = {
		.operation = VIB_CMD_MODIFY_PORT,
		.port = VIB_PORT,
		.u.modify_port.cap_mask = VIB_PORT_CAPS_ADDED,
	};
	struct vib_control_request query = { .operation = VIB_CMD_QUERY_PORT,
					     .port = VIB_PORT };
	struct vport v = make_vport();
	uint32_t own = run_on(&v, query).u.port.cap_mask;

	(void)state;
	assert_int_equal(own & VIB_PORT_CAPS_ADDED, 0);
	assert_int_equal(run_on(&v, req).status, 0);
	assert_int_equal(run_on(&v, query).u.port.cap_mask, own | VIB_PORT_CAPS_ADDED);
	req.u.modify_port.cap_mask = 1u << 19;
	assert_int_equal(run_on(&v, req).status, 0);
	assert_int_equal(run_on(&v, query).u.port.cap_mask, own | 1u << 19);
	for (unsigned int bit = 0; bit < 32; bit++) {
		req.u.modify_port.cap_mask = 1u << bit;
		if (!(VIB_PORT_CAPS_ADDED & 1u << bit))
			assert_int_equal(run_on(&v, req).status, -EINVAL);
	}
	req.u.modify_port.cap_mask = 0;
	req.port = 2;
	assert_int_equal(run_on(&v, req).status, -EINVAL);
	assert_int_equal(run_on(&v, query).u.port.cap_mask, own | 1u << 19);
}

static void port_s_violations_are_those_counted(void **state)
{
	struct vib_control_request req = { .operation = VIB_CMD_QUERY_PORT,
					   .port = VIB_PORT };
	struct vib_control_response rsp = run(req);

	(void)state;
	assert_int_equal(rsp.u.port.bad_pkey_cntr, UINT32_MAX); /* and not over */
	assert_int_equal(rsp.u.port.qkey_viol_cntr, 5);
	req.operation = VIB_CMD_QUERY_COUNTERS;
	rsp = run(req);
	assert_int_equal(rsp.status, 0);
	assert_true(memcmp(&rsp.u.counters, &nothing.ended, sizeof(nothing.ended)) == 0);
	req.port = 0;
	rsp = run(req);
	assert_int_equal(rsp.status, -EINVAL);
	assert_true(all_zero(&rsp.u, sizeof(rsp.u)));
}

static bool answer_nothing(void *arg, const uint8_t in[VIB_MAD_BYTES],
			   uint8_t out[VIB_MAD_BYTES])
{
	(void)arg;
	(void)in;
	(void)out;
	return false;
}

static void mads_are_announced_where_somebody_takes_them(void **state)
{
	struct vib_control_request req = { .operation = VIB_CMD_QUERY_DEVICE };

	(void)state;
	assert_int_equal(run(req).u.device.cap_flags & VIB_CAP_MAD, 0);
	assert_true(run(req).u.device.cap_flags & VIB_CAP_LOCAL_DMA_LKEY);
	assert_true(run(req).u.device.cap_flags & VIB_CAP_MEM_WINDOWS);
	assert_true(run(req).u.device.cap_flags & VIB_CAP_FRWR);
	assert_int_equal(run(req).u.device.max_fast_reg_pages, 512);
	nobody.process_mad = answer_nothing;
	assert_true(run(req).u.device.cap_flags & VIB_CAP_MAD);
	nobody.process_mad = NULL;
}

static void offloads_of_ipoib_are_announced(void **state)
{
	struct vib_control_request req = { .operation = VIB_CMD_QUERY_DEVICE };
	const uint32_t offloads = VIB_CAP_UD_IP_CSUM | VIB_CAP_UD_LSO;

	(void)state;
	assert_int_equal(run(req).u.device.cap_flags & offloads, offloads);
}

static void grants_are_announced_where_they_can_be_copied(void **state)
{
	struct vib_control_request req = { .operation = VIB_CMD_QUERY_DEVICE };
	struct xenport xen;

	(void)state;
	assert_int_equal(run(req).u.device.cap_flags & VIB_CAP_GRANTED_DMA, 0);
	nothing.xen = &xen;
	assert_true(run(req).u.device.cap_flags & VIB_CAP_GRANTED_DMA);
	nothing.xen = NULL;
}

static void tables_are_read_in_pieces(void **state)
{
	struct vib_control_response rsp = run((struct vib_control_request){
		.operation = VIB_CMD_QUERY_GID,
		.port = VIB_PORT,
		.u.query_table = { .first = 1, .count = 2 },
	});

	(void)state;
	assert_int_equal(rsp.status, 0);
	assert_int_equal(rsp.u.gids[0].raw[15], 0x42);
	assert_true(all_zero(&rsp.u.gids[1], sizeof(rsp.u) - sizeof(rsp.u.gids[0])));

	rsp = run((struct vib_control_request){
		.operation = VIB_CMD_QUERY_PKEY,
		.port = VIB_PORT,
		.u.query_table = { .first = 0, .count = VIB_QUERY_PKEYS },
	});
	assert_int_equal(rsp.status, 0);
	assert_int_equal(rsp.u.pkeys[0], 0x8001);
	assert_int_equal(rsp.u.pkeys[1], 0x7fff);
	assert_int_equal(rsp.u.pkeys[2], 0);
}

/* Every first and count: an answer only for what lies within table and answer. */
static void assert_ranges(uint16_t operation, uint32_t table, uint32_t answer)
{
	static const uint16_t edges[] = { 0,   1,     2,     7,     8,     15,   16,  17,
					  55,  56,    57,    127,   128,   129,  255, 256,
					  999, 32767, 32768, 65520, 65534, 65535 };
	const size_t n = sizeof(edges) / sizeof(edges[0]);

	for (size_t i = 0; i < n; i++)
		for (size_t j = 0; j < n; j++) {
			uint32_t first = edges[i], count = edges[j];
			bool fits =
				count >= 1 && count <= answer && first + count <= table;
			struct vib_control_response rsp =
				run((struct vib_control_request){
					.operation = operation,
					.port = VIB_PORT,
					.u.query_table = { .first = (uint16_t)first,
							   .count = (uint16_t)count },
				});

			assert_int_equal(rsp.status, fits ? 0 : -EINVAL);
			if (!fits)
				assert_true(all_zero(&rsp.u, sizeof(rsp.u)));
		}
}

static void ranges_beyond_a_table_are_refused(void **state)
{
	(void)state;
	assert_ranges(VIB_CMD_QUERY_GID, VIB_MAX_GIDS, VIB_QUERY_GIDS);
	assert_ranges(VIB_CMD_QUERY_PKEY, VIB_MAX_PKEYS, VIB_QUERY_PKEYS);
}

static void unknown_operation_is_not_supported(void **state)
{
	(void)state;
	for (uint32_t op = VIB_CMD_QUERY_PKEY + 1; op <= UINT16_MAX; op++) {
		if ((op >= VIB_CMD_MAP_DOORBELL && op <= VIB_CMD_DEREG_DMA) ||
		    op == VIB_CMD_QUERY_COUNTERS || op == VIB_CMD_ALLOC_MR ||
		    op == VIB_CMD_MODIFY_PORT)
			continue; /* of objects; a query; the port's */
		struct vib_control_response rsp = run((struct vib_control_request){
			.operation = (uint16_t)op, .port = op % 3 });

		assert_int_equal(rsp.status, -EOPNOTSUPP);
		assert_true(all_zero(&rsp.u, sizeof(rsp.u)));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(answer_names_its_request),
		cmocka_unit_test(device_has_guid_and_quota),
		cmocka_unit_test(port_follows_fabric_and_link),
		cmocka_unit_test(other_ports_do_not_exist),
		cmocka_unit_test(what_users_add_the_port_can_do),
		cmocka_unit_test(port_s_violations_are_those_counted),
		cmocka_unit_test(mads_are_announced_where_somebody_takes_them),
		cmocka_unit_test(offloads_of_ipoib_are_announced),
		cmocka_unit_test(grants_are_announced_where_they_can_be_copied),
		cmocka_unit_test(tables_are_read_in_pieces),
		cmocka_unit_test(ranges_beyond_a_table_are_refused),
		cmocka_unit_test(unknown_operation_is_not_supported),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
