// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * MADs that the port itself answers, and the capabilities that others add to it.
 */

#include <rdma/ib_mad.h>

#include "mad.h"
#include "verbs.h"

/* Does the port answer any of these? Others are for agents. */
static bool vib_mad_is_ports(const struct ib_mad *mad)
{
	switch (mad->mad_hdr.mgmt_class) {
	case IB_MGMT_CLASS_SUBN_LID_ROUTED:
	case IB_MGMT_CLASS_SUBN_DIRECTED_ROUTE:
	case IB_MGMT_CLASS_PERF_MGMT:
		return true;
	default:
		return false;
	}
}

/* Returns whether there is a reply, or an errno. */
static int vib_mad_ask(struct vib *vib, const struct ib_mad *in, struct ib_mad *out)
{
	struct vib_control_request request = {
		.operation = VIB_CMD_PROCESS_MAD,
		.port = VIB_PORT,
	};
	struct vib_control_response response;
	struct vib_memory *memory;
	u8 *page;
	int err;

	BUILD_BUG_ON(sizeof(*in) != VIB_MAD_BYTES);

	memory = vib_memory_alloc(vib, VIB_MEMORY_LIST, VIB_PAGE_SIZE, true);
	if (IS_ERR(memory))
		return PTR_ERR(memory);
	page = vib_memory_page(memory, 0);
	memcpy(page, in, sizeof(*in));
	request.u.process_mad.ref = memory->refs[0];
	err = vib_object_command(vib, READ_ONCE(vib->epoch), &request, &response);
	if (!err && response.u.process_mad.replied) {
		memcpy(out, page + VIB_MAD_BYTES, sizeof(*out));
		err = 1;
	}
	vib_memory_take_back(vib, memory, err);
	return err;
}

/* It sleeps, as others' do: ib_mad calls it in a work or for a process. */
int vib_verb_process_mad(struct ib_device *ibdev, int flags, u32 port_num,
			 const struct ib_wc *in_wc, const struct ib_grh *in_grh,
			 const struct ib_mad *in, struct ib_mad *out,
			 size_t *out_size, u16 *out_pkey_index)
{
	int replied;

	if (!vib_mad_is_ports(in))
		return IB_MAD_RESULT_SUCCESS;
	replied = vib_mad_ask(to_vib(ibdev), in, out);
	if (replied < 0)
		return IB_MAD_RESULT_FAILURE;
	return replied ? IB_MAD_RESULT_SUCCESS | IB_MAD_RESULT_REPLY :
			 IB_MAD_RESULT_SUCCESS;
}

/* The backend tells those who ask the subnet. One that is older does not, and none cannot. */
void vib_port_tell_caps(struct vib_ibdev *dev)
{
	struct vib *vib = dev->vib;
	struct vib_control_request request = {
		.operation = VIB_CMD_MODIFY_PORT,
		.port = VIB_PORT,
	};
	struct vib_control_response response;

	spin_lock(&dev->lock);
	request.u.modify_port.cap_mask = dev->port_caps & VIB_PORT_CAPS_ADDED;
	spin_unlock(&dev->lock);
	vib_object_command(vib, READ_ONCE(vib->epoch), &request, &response);
}

/* What ib_cm, ib_srpt and others do on the port, it can do. */
int vib_verb_modify_port(struct ib_device *ibdev, u32 port_num, int mask,
			 struct ib_port_modify *modify)
{
	struct vib_ibdev *dev = to_vib_ibdev(ibdev);

	if (mask & ~(IB_PORT_SHUTDOWN | IB_PORT_INIT_TYPE |
		     IB_PORT_RESET_QKEY_CNTR))
		return -EOPNOTSUPP;
	spin_lock(&dev->lock);
	dev->port_caps |= modify->set_port_cap_mask;
	dev->port_caps &= ~modify->clr_port_cap_mask;
	spin_unlock(&dev->lock);
	if ((modify->set_port_cap_mask | modify->clr_port_cap_mask) & VIB_PORT_CAPS_ADDED)
		vib_port_tell_caps(dev);
	return 0;
}
