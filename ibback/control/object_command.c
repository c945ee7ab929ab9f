// SPDX-License-Identifier: GPL-2.0-or-later
#include "control/object_command.h"

#include <errno.h>

#include "control/complaints.h"
#include "engine/objects.h"
#include "xenport/xenport.h"

/* xen/errno.h has Linux' numbers, and so does the C library here. */
_Static_assert(EINVAL == 22 && ENOMEM == 12 && EBUSY == 16 && ENOSPC == 28 &&
		       EEXIST == 17 && EOPNOTSUPP == 95 && ENOENT == 2,
	       "ABI: statuses are values of xen/errno.h");

/* Unmap what an object that could not be made, or that ended, had. */
static void release(const struct guest *guest, const struct memory *memory)
{
	if (memory->at)
		pages_unmap(guest, memory);
}

/* ---- with an event channel --------------------------------------------- */

/* What a doorbell page and an event queue are made of. */
struct wired {
	struct memory memory;
	uint32_t port;
};

static void unwire(const struct guest *guest, const struct wired *w)
{
	xenport_unbind(guest->vhca->events, w->port);
	release(guest, &w->memory);
}

static int wire(const struct guest *guest, const struct vib_pages *pages,
		uint32_t channel, struct wired *w)
{
	int rc = pages_map(guest, pages, true, &w->memory);

	if (rc < 0)
		return rc;
	if (xenport_bind(guest->vhca->events, guest->domid, channel, &w->port) == 0)
		return 0;
	if (complaints_due(guest->complaints)) {
		struct shortage s = { .kind = SHORT_OF_CHANNELS,
				      .error = errno,
				      .channel = channel };

		complain(guest, &s);
	}
	release(guest, &w->memory);
	return -ENOSPC;
}

static int map_doorbell(const struct guest *guest, const struct vib_cmd_map_doorbell *cmd,
			uint32_t *number)
{
	const struct vib_pages page = { .count = 1, .root = cmd->ref };
	struct wired w;
	int rc = wire(guest, &page, cmd->event_channel, &w);

	if (rc < 0)
		return rc;
	rc = doorbell_create(guest->vhca, &w.memory, w.port, number);
	if (rc < 0)
		unwire(guest, &w);
	return rc;
}

static int create_eq(const struct guest *guest, const struct vib_cmd_create_eq *cmd,
		     uint32_t *number)
{
	struct wired w;
	int rc;

	if (cmd->pages.count != queue_pages(cmd->order, sizeof(struct vib_comp_event)))
		return -EINVAL;
	rc = wire(guest, &cmd->pages, cmd->event_channel, &w);
	if (rc < 0)
		return rc;
	rc = eq_create(guest->vhca, cmd->order, &w.memory, w.port, number);
	if (rc < 0)
		unwire(guest, &w);
	return rc;
}

/* Destroy by a function that gives memory and event channel back. */
static int destroy_wired(const struct guest *guest, uint32_t number,
			 int (*end)(struct vhca *vhca, uint32_t number,
				    struct memory *memory, uint32_t *port))
{
	struct wired w;
	int rc = end(guest->vhca, number, &w.memory, &w.port);

	if (rc == 0)
		unwire(guest, &w);
	return rc;
}

/* ---- with memory ------------------------------------------------------- */

static int reg_mr(const struct guest *guest, const struct vib_cmd_reg_mr *cmd,
		  struct vib_rsp_reg_mr *rsp)
{
	/* REMOTE_WRITE and REMOTE_ATOMIC come with LOCAL_WRITE only. */
	bool writable = cmd->access & VIB_ACCESS_LOCAL_WRITE;
	struct memory memory;
	int rc = mr_check(guest->vhca, cmd);

	if (rc == 0)
		rc = pages_map(guest, &cmd->pages, writable, &memory);
	if (rc < 0)
		return rc;
	rc = mr_create(guest->vhca, cmd, &memory, &rsp->lkey);
	rsp->rkey = rsp->lkey;
	if (rc < 0)
		release(guest, &memory);
	return rc;
}

static int rereg_mr(const struct guest *guest, const struct vib_cmd_rereg_mr *cmd)
{
	bool moves = cmd->mask & VIB_REREG_TRANSLATION;
	struct memory memory = { 0 }, old = { 0 };
	struct vib_cmd_reg_mr want;
	int rc = mr_rereg_check(guest->vhca, cmd, &want);

	if (rc == 0 && moves)
		rc = pages_map(guest, &want.pages, want.access & VIB_ACCESS_LOCAL_WRITE,
			       &memory);
	if (rc < 0)
		return rc;
	rc = mr_rereg(guest->vhca, cmd->key, &want, moves ? &memory : NULL, &old);
	release(guest, rc < 0 ? &memory : &old);
	return rc;
}

static int create_cq(const struct guest *guest, const struct vib_cmd_create_cq *cmd,
		     uint32_t *number)
{
	struct memory memory;
	int rc = cq_check(guest->vhca, cmd);

	if (rc == 0)
		rc = pages_map(guest, &cmd->pages, true, &memory);
	if (rc < 0)
		return rc;
	rc = cq_create(guest->vhca, cmd, &memory, number);
	if (rc < 0)
		release(guest, &memory);
	return rc;
}

static int resize_cq(const struct guest *guest, const struct vib_cmd_resize_cq *cmd,
		     uint32_t *index)
{
	struct memory memory, old;
	int rc = cq_resize_check(guest->vhca, cmd);

	if (rc == 0)
		rc = pages_map(guest, &cmd->pages, true, &memory);
	if (rc < 0)
		return rc;
	rc = cq_resize(guest->vhca, cmd, &memory, &old, index);
	release(guest, rc < 0 ? &memory : &old);
	return rc;
}

static int create_srq(const struct guest *guest, const struct vib_cmd_create_srq *cmd,
		      uint32_t *number)
{
	struct memory memory;
	int rc = srq_check(guest->vhca, cmd);

	if (rc == 0)
		rc = pages_map(guest, &cmd->pages, true, &memory);
	if (rc < 0)
		return rc;
	rc = srq_create(guest->vhca, cmd, &memory, number);
	if (rc < 0)
		release(guest, &memory);
	return rc;
}

/* Destroy by a function that gives one piece of memory back. */
static int destroy(const struct guest *guest, uint32_t number,
		   int (*end)(struct vhca *vhca, uint32_t number, struct memory *memory))
{
	struct memory memory;
	int rc = end(guest->vhca, number, &memory);

	if (rc == 0)
		release(guest, &memory);
	return rc;
}

/* Map a work queue, if there is to be one. */
static int map_queue(const struct guest *guest, const struct vib_work_queue *wq,
		     struct memory *memory)
{
	*memory = (struct memory){ 0 };
	return wq->pages.count ? pages_map(guest, &wq->pages, true, memory) : 0;
}

static int create_qp(const struct guest *guest, const struct vib_cmd_create_qp *cmd,
		     uint32_t *number)
{
	struct memory sq, rq;
	int rc = qp_check(guest->vhca, cmd);

	if (rc < 0)
		return rc;
	rc = map_queue(guest, &cmd->sq, &sq);
	if (rc < 0)
		return rc;
	rc = map_queue(guest, &cmd->rq, &rq);
	if (rc < 0)
		goto fail_sq;
	rc = qp_create(guest->vhca, cmd, &sq, &rq, number);
	if (rc == 0)
		return 0;
	release(guest, &rq);
fail_sq:
	release(guest, &sq);
	return rc;
}

static int destroy_qp(const struct guest *guest, uint32_t number)
{
	struct memory sq, rq;
	int rc = qp_destroy(guest->vhca, number, &sq, &rq);

	if (rc < 0)
		return rc;
	release(guest, &sq);
	release(guest, &rq);
	return 0;
}

/* ---- all of them ------------------------------------------------------- */

int object_command(const struct guest *guest, const struct vib_control_request *req,
		   struct vib_control_response *rsp)
{
	struct vhca *vhca = guest->vhca;
	uint32_t number = req->u.object.number;
	uint32_t *made = &rsp->u.object.number;

	switch (req->operation) {
	case VIB_CMD_MAP_DOORBELL:
		return map_doorbell(guest, &req->u.map_doorbell, made);
	case VIB_CMD_UNMAP_DOORBELL:
		return destroy_wired(guest, number, doorbell_destroy);
	case VIB_CMD_CREATE_EQ:
		return create_eq(guest, &req->u.create_eq, made);
	case VIB_CMD_DESTROY_EQ:
		return destroy_wired(guest, number, eq_destroy);
	case VIB_CMD_ALLOC_PD:
		return pd_create(vhca, made);
	case VIB_CMD_DEALLOC_PD:
		return pd_destroy(vhca, number);
	case VIB_CMD_ALLOC_XRCD:
		return xrcd_create(vhca, made);
	case VIB_CMD_DEALLOC_XRCD:
		return xrcd_destroy(vhca, number);
	case VIB_CMD_REG_MR:
		return reg_mr(guest, &req->u.reg_mr, &rsp->u.reg_mr);
	case VIB_CMD_DEREG_MR:
		return destroy(guest, number, mr_destroy);
	case VIB_CMD_REREG_MR:
		return rereg_mr(guest, &req->u.rereg_mr);
	case VIB_CMD_ALLOC_MW:
		return mw_create(vhca, &req->u.alloc_mw, made);
	case VIB_CMD_DEALLOC_MW:
		return mw_destroy(vhca, number);
	case VIB_CMD_CREATE_CQ:
		return create_cq(guest, &req->u.create_cq, made);
	case VIB_CMD_MODIFY_CQ:
		return cq_modify(vhca, &req->u.modify_cq);
	case VIB_CMD_RESIZE_CQ:
		return resize_cq(guest, &req->u.resize_cq, &rsp->u.resize_cq.index);
	case VIB_CMD_DESTROY_CQ:
		return destroy(guest, number, cq_destroy);
	case VIB_CMD_CREATE_SRQ:
		return create_srq(guest, &req->u.create_srq, made);
	case VIB_CMD_MODIFY_SRQ:
		return srq_modify(vhca, &req->u.modify_srq);
	case VIB_CMD_QUERY_SRQ:
		return srq_query(vhca, number, &rsp->u.srq.limit);
	case VIB_CMD_DESTROY_SRQ:
		return destroy(guest, number, srq_destroy);
	case VIB_CMD_CREATE_QP:
		return create_qp(guest, &req->u.create_qp, made);
	case VIB_CMD_MODIFY_QP:
		return qp_change(vhca, &req->u.modify_qp);
	case VIB_CMD_QUERY_QP:
		return qp_query(vhca, number, &rsp->u.qp);
	case VIB_CMD_DESTROY_QP:
		return destroy_qp(guest, number);
	case VIB_CMD_ATTACH_MCAST:
		return qp_mcast(vhca, &req->u.mcast, true);
	case VIB_CMD_DETACH_MCAST:
		return qp_mcast(vhca, &req->u.mcast, false);
	default:
		return -EOPNOTSUPP;
	}
}

static void clear_memory(void *arg, const struct memory *memory)
{
	release(arg, memory);
}

static void clear_port(void *arg, uint32_t port)
{
	const struct guest *guest = arg;

	xenport_unbind(guest->vhca->events, port);
}

void object_clear(const struct guest *guest)
{
	struct guest g = *guest;

	vhca_clear(guest->vhca, clear_memory, clear_port, &g);
}
