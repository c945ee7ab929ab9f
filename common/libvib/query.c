// SPDX-License-Identifier: GPL-2.0-or-later
/* The query commands. */
#include <errno.h>

#include "libvib/internal.h"

int libvib_query_device(struct libvib *lv, struct vib_device_attr *attr)
{
	struct vib_control_request req = { .operation = VIB_CMD_QUERY_DEVICE };
	struct vib_control_response rsp;
	int err = libvib_command(lv, &req, &rsp);

	if (!err)
		*attr = rsp.u.device;
	return err;
}

int libvib_query_port(struct libvib *lv, struct vib_port_attr *attr)
{
	struct vib_control_request req = { .operation = VIB_CMD_QUERY_PORT,
					   .port = VIB_PORT };
	struct vib_control_response rsp;
	int err = libvib_command(lv, &req, &rsp);

	if (err)
		return err;
	*attr = rsp.u.port;
	/* What callers size their loops and buffers by. */
	if (attr->gid_tbl_len > VIB_MAX_GIDS || attr->pkey_tbl_len > VIB_MAX_PKEYS ||
	    attr->active_mtu < 1 || attr->active_mtu > 5) {
		lv_fail(lv, "ibback broke the protocol: port attributes out of range");
		return -EPROTO;
	}
	return 0;
}

static int query_table(struct libvib *lv, enum vib_command operation, uint16_t index,
		       struct vib_control_response *rsp)
{
	struct vib_control_request req = {
		.operation = (uint16_t)operation,
		.port = VIB_PORT,
		.u.query_table = { .first = index, .count = 1 },
	};

	return libvib_command(lv, &req, rsp);
}

int libvib_query_gid(struct libvib *lv, uint16_t index, struct vib_gid *gid)
{
	struct vib_control_response rsp;
	int err = query_table(lv, VIB_CMD_QUERY_GID, index, &rsp);

	if (!err)
		*gid = rsp.u.gids[0];
	return err;
}

int libvib_query_pkey(struct libvib *lv, uint16_t index, uint16_t *pkey)
{
	struct vib_control_response rsp;
	int err = query_table(lv, VIB_CMD_QUERY_PKEY, index, &rsp);

	if (!err)
		*pkey = rsp.u.pkeys[0];
	return err;
}

int libvib_query_counters(struct libvib *lv, struct vib_rsp_counters *counters)
{
	struct vib_control_request req = { .operation = VIB_CMD_QUERY_COUNTERS,
					   .port = VIB_PORT };
	struct vib_control_response rsp;
	int err = libvib_command(lv, &req, &rsp);

	if (!err)
		*counters = rsp.u.counters;
	return err;
}
