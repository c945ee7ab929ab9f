// SPDX-License-Identifier: GPL-2.0-or-later
/* MODIFY_PORT: bits that nobody may set, ports that are none, and a mask that toggles. */

#include "hostile.h"

/* What others are told of by a notice each time, were there no bound. */
#define TOGGLES		32
#define TOGGLED		(1u << 19)	/* IsDeviceManagementSupported */

static struct vib_control_request modification(u32 port, u32 mask)
{
	struct vib_control_request request = { .operation = VIB_CMD_MODIFY_PORT,
					       .port = port };

	request.u.modify_port.cap_mask = mask;
	return request;
}

static int modify(struct hostile *h, u32 port, u32 mask)
{
	struct vib_control_request request = modification(port, mask);
	struct vib_control_response response;

	return command(h, &request, &response);
}

/* What has been added to its CapabilityMask is @added. */
static void expect_added(struct hostile *h, const char *what, u32 added)
{
	struct vib_control_request request = { .operation = VIB_CMD_QUERY_PORT,
					       .port = VIB_PORT };
	struct vib_control_response response;

	if (expect(h, what, 0, command(h, &request, &response)))
		expect(h, what, added, response.u.port.cap_mask & VIB_PORT_CAPS_ADDED);
}

void attack_port_operands(struct hostile *h)
{
	static const struct {
		const char *name;
		u32 port, mask;
	} refused[] = {
		{ "MODIFY_PORT of port 0", 0, TOGGLED },
		{ "MODIFY_PORT of port 2", 2, TOGGLED },
		{ "MODIFY_PORT of any port", 0xffffffff, TOGGLED },
		{ "MODIFY_PORT of all bits", VIB_PORT, 0xffffffff },
		{ "MODIFY_PORT of all other bits", VIB_PORT, ~VIB_PORT_CAPS_ADDED },
		{ "MODIFY_PORT to be the SM", VIB_PORT, 1 << 1 },
		{ "MODIFY_PORT of one bit too many", VIB_PORT, TOGGLED | 1 },
	};
	u32 bit, mask;

	if (!expect(h, "MODIFY_PORT of what may be", 0,
		    modify(h, VIB_PORT, VIB_PORT_CAPS_ADDED)))
		return;
	for (bit = 0; bit < 32; bit++) {
		mask = 1u << bit;
		if (!(mask & VIB_PORT_CAPS_ADDED))
			expect(h, "MODIFY_PORT of another bit", -EINVAL,
			       modify(h, VIB_PORT, mask));
	}
	for (bit = 0; bit < ARRAY_SIZE(refused); bit++)
		expect(h, refused[bit].name, -EINVAL,
		       modify(h, refused[bit].port, refused[bit].mask));
	expect_added(h, "what was refused has changed nothing", VIB_PORT_CAPS_ADDED);
}

/* As fast as the ring goes: with each answer the port is another to all who look. */
void attack_port_toggle(struct hostile *h)
{
	struct vib_control_response responses[VIB_CONTROL_RING_SIZE / 4];
	struct vib_control_request requests[VIB_CONTROL_RING_SIZE / 4];
	u32 n, i;

	for (n = 0; n < TOGGLES && hostile_goes_on(h); n++) {
		for (i = 0; i < ARRAY_SIZE(requests); i++)
			requests[i] = modification(VIB_PORT, (n + i) % 2 ? 0 : TOGGLED);
		if (!commands(h, requests, responses, ARRAY_SIZE(requests)))
			return;
		for (i = 0; i < ARRAY_SIZE(requests); i++)
			expect(h, "MODIFY_PORT in a loop", 0, responses[i].status);
		expect_added(h, "the last of a loop", (n + i) % 2 ? TOGGLED : 0);
	}
}
