// SPDX-License-Identifier: GPL-2.0-or-later
#include "control/object_command.h"

#include <errno.h>
#include <string.h>

#include <urcu/compiler.h>

#include <xen-ib/barrier.h>

#include "control/command_parts.h"
#include "control/complaints.h"
#include "control/hca_command.h"
#include "engine/engine.h"
#include "engine/objects.h"
#include "xenport/xenport.h"

/* xen/errno.h has Linux' numbers, and so does the C library here. */
_Static_assert(EINVAL == 22 && ENOMEM == 12 && EBUSY == 16 && ENOSPC == 28 &&
		       EEXIST == 17 && EOPNOTSUPP == 95 && ENOENT == 2,
	       "ABI: statuses are values of xen/errno.h");

void command_release(struct guest *guest, const struct memory *memory)
{
	if (memory->at)
		pages_release(guest, memory);
}

/* ---- mapping, making, unmapping ---------------------------------------- */

static void on_unmapped(struct guest *guest);

void command_release_mapped(struct command *c)
{
	while (c->num_mapped)
		command_release(c->guest, &c->memory[--c->num_mapped]);
}

/* It has @status; what it has no more use for is unmapped before it is answered. */
static int end(struct command *c, int status)
{
	if (status < 0)
		command_release_mapped(c);
	c->num_mapped = 0;
	c->rsp.status = status;
	return pages_unmap(c->guest, on_unmapped) ? COMMAND_GOES_ON : status;
}

static void on_mapped(struct guest *guest, int rc);
static int make_of_it(struct command *c);

static void answer(struct command *c, int status)
{
	if (status == COMMAND_GOES_ON)
		return;
	c->rsp.status = status;
	c->answered(c);
}

/* ---- at the HCA -------------------------------------------------------- */

static void do_at_hca(struct job *job)
{
	struct command *c = caa_container_of(job, struct command, hca_job);

	c->hca_status = c->at_hca(c);
}

static void done_at_hca(struct job *job)
{
	struct command *c = caa_container_of(job, struct command, hca_job);
	int rc = c->hca_status;

	/* Of a guest that has gone meanwhile all goes. */
	if (!c->guest->hca.clearing)
		answer(c, rc < 0 ? end(c, rc) : make_of_it(c));
}

static int go_to_hca(struct command *c)
{
	c->hca_job = (struct job){ .slice = do_at_hca, .after = done_at_hca };
	jobs_submit(&c->guest->hca.lane.jobs, &c->hca_job);
	return COMMAND_GOES_ON;
}

/* What is made may ask for more at the HCA, and of what comes of that for something. */
static int make_of_it(struct command *c)
{
	int rc;

	c->at_hca = NULL;
	rc = c->make(c);
	return rc == 0 && c->at_hca ? go_to_hca(c) : end(c, rc);
}

/* Map what is left to map; then make of it what is wanted. */
static int go_on(struct command *c)
{
	unsigned int n = c->num_mapped;
	int rc;

	if (n == c->num_trees)
		return c->at_hca ? go_to_hca(c) : make_of_it(c);
	rc = pages_map(c->guest, &c->trees[n], c->writable[n], &c->memory[n], on_mapped);
	return rc < 0 ? end(c, rc) : COMMAND_GOES_ON;
}

static void on_mapped(struct guest *guest, int rc)
{
	struct command *c = guest->command;

	/* object_clear() has released what was mapped before. */
	if (guest->hca.clearing) {
		if (rc == 0)
			command_release(guest, guest->pages.map.memory);
		return;
	}
	if (rc == 0)
		c->num_mapped++;
	answer(c, rc == 0 ? go_on(c) : end(c, rc));
}

static void on_unmapped(struct guest *guest)
{
	if (!guest->hca.clearing)
		answer(guest->command, guest->command->rsp.status);
}

int command_let_go(struct command *c)
{
	command_release_mapped(c);
	return 0;
}

void command_end_at_hca(struct command *c, const struct memory *memory,
			int (*at_hca)(struct command *c))
{
	if (memory && memory->at)
		c->memory[c->num_mapped++] = *memory;
	c->num_trees = c->num_mapped;
	c->at_hca = at_hca;
	c->make = command_let_go;
}

void command_want(struct command *c, const struct vib_pages *pages, bool writable)
{
	c->trees[c->num_trees] = *pages;
	c->writable[c->num_trees++] = writable;
}

/* ---- with an event channel --------------------------------------------- */

/* Bind the event channel of a doorbell page or an event queue. */
static int bind(struct guest *guest, uint32_t channel, uint32_t *port)
{
	struct shortage s = { .kind = SHORT_OF_CHANNELS, .channel = channel };

	if (xenport_bind(guest->vhca->events, guest->domid, channel, port) == 0)
		return 0;
	s.error = errno;
	if (complaints_due(guest->complaints))
		complain(guest, &s);
	return -ENOSPC;
}

static int make_doorbell(struct command *c)
{
	struct vhca *vhca = c->guest->vhca;
	uint32_t port;
	int rc = bind(c->guest, c->req.u.map_doorbell.event_channel, &port);

	if (rc < 0)
		return rc;
	rc = doorbell_create(vhca, &c->memory[0], port, &c->rsp.u.object.number);
	if (rc < 0)
		xenport_unbind(vhca->events, port);
	return rc;
}

static int map_doorbell(struct command *c)
{
	const struct vib_pages page = { .count = 1, .root = c->req.u.map_doorbell.ref };

	command_want(c, &page, true);
	c->make = make_doorbell;
	return 0;
}

static int make_eq(struct command *c)
{
	const struct vib_cmd_create_eq *cmd = &c->req.u.create_eq;
	struct vhca *vhca = c->guest->vhca;
	uint32_t port;
	int rc = bind(c->guest, cmd->event_channel, &port);

	if (rc < 0)
		return rc;
	rc = eq_create(vhca, cmd->order, &c->memory[0], port, &c->rsp.u.object.number);
	if (rc < 0)
		xenport_unbind(vhca->events, port);
	return rc;
}

static int create_eq(struct command *c)
{
	const struct vib_cmd_create_eq *cmd = &c->req.u.create_eq;

	if (cmd->pages.count != queue_pages(cmd->order, sizeof(struct vib_comp_event)))
		return -EINVAL;
	command_want(c, &cmd->pages, true);
	c->make = make_eq;
	return 0;
}

/* Destroy by a function that gives memory and event channel back. */
static int destroy_wired(struct guest *guest, uint32_t number,
			 int (*destroy)(struct vhca *vhca, uint32_t number,
					struct memory *memory, uint32_t *port))
{
	struct memory memory;
	uint32_t port;
	int rc = destroy(guest->vhca, number, &memory, &port);

	if (rc < 0)
		return rc;
	xenport_unbind(guest->vhca->events, port);
	command_release(guest, &memory);
	return 0;
}

/* ---- with memory ------------------------------------------------------- */

static int make_mr(struct command *c)
{
	struct vib_rsp_reg_mr *rsp = &c->rsp.u.reg_mr;
	int rc = mr_create(c->guest->vhca, &c->req.u.reg_mr, &c->memory[0], &rsp->lkey);

	rsp->rkey = rsp->lkey;
	return rc;
}

/* Has memory to be mapped for writing that an MR with @access has? */
static bool maps_writable(const struct guest *guest, uint32_t access)
{
	/* REMOTE_WRITE and REMOTE_ATOMIC come with LOCAL_WRITE only. */
	return access & VIB_ACCESS_LOCAL_WRITE ||
	       (guest->hca.wire && wire_wants_writable(guest->hca.port));
}

static int reg_mr(struct command *c)
{
	const struct vib_cmd_reg_mr *cmd = &c->req.u.reg_mr;

	command_want(c, &cmd->pages, maps_writable(c->guest, cmd->access));
	c->make = make_mr;
	if (c->guest->hca.wire)
		hca_reg_mr(c);
	/* With an HCA Linux registers what has the offset of its address in its page. */
	if (c->guest->hca.wire && cmd->access & VIB_ACCESS_ZERO_BASED)
		return -EOPNOTSUPP;
	return mr_check(c->guest->vhca, cmd);
}

static int make_mr_again(struct command *c)
{
	const struct vib_cmd_rereg_mr *cmd = &c->req.u.rereg_mr;
	bool moves = cmd->mask & VIB_REREG_TRANSLATION;
	struct memory old = { 0 };
	int rc = mr_rereg(c->guest->vhca, cmd->key, &c->want,
			  moves ? &c->memory[0] : NULL, &old);

	if (rc == 0)
		command_release(c->guest, &old);
	c->rsp.u.reg_mr.lkey = c->rsp.u.reg_mr.rkey = cmd->key;
	return rc;
}

static int rereg_mr(struct command *c)
{
	const struct vib_cmd_rereg_mr *cmd = &c->req.u.rereg_mr;
	int rc = mr_rereg_check(c->guest->vhca, cmd, &c->want);

	if (rc < 0)
		return rc;
	if (cmd->mask & VIB_REREG_TRANSLATION)
		command_want(c, &c->want.pages, maps_writable(c->guest, c->want.access));
	c->make = make_mr_again;
	if (c->guest->hca.wire)
		hca_rereg_mr(c);
	return 0;
}

static int make_dma(struct command *c)
{
	return dma_create(c->guest->vhca, &c->req.u.reg_dma, &c->memory[0],
			  &c->rsp.u.object.number);
}

/* May the guest's kernel lend @pages more? */
static int check_prereg(const struct guest *guest, uint32_t pages)
{
	struct shortage s = { .kind = SHORT_OF_PREREG,
			      .pages = pages,
			      .max_lent = guest->vhca->limits.max_dma_pages,
			      .lent = dma_pages(guest->vhca) };

	if ((uint64_t)s.lent + pages <= s.max_lent)
		return 0;
	if (complaints_due(guest->complaints))
		complain(guest, &s);
	return -ENOMEM;
}

static int reg_dma(struct command *c)
{
	const struct vib_cmd_reg_dma *cmd = &c->req.u.reg_dma;
	int rc = dma_check(c->guest->vhca, cmd);

	command_want(c, &cmd->pages, true);
	c->make = make_dma;
	if (c->guest->hca.wire)
		hca_reg_dma(c);
	return rc < 0 ? rc : check_prereg(c->guest, cmd->pages.count);
}

static int make_cq(struct command *c)
{
	return cq_create(c->guest->vhca, &c->req.u.create_cq, &c->memory[0],
			 &c->rsp.u.object.number);
}

static int create_cq(struct command *c)
{
	const struct vib_cmd_create_cq *cmd = &c->req.u.create_cq;

	command_want(c, &cmd->pages, true);
	c->make = make_cq;
	return cq_check(c->guest->vhca, cmd);
}

static int make_cq_again(struct command *c)
{
	struct memory old;
	int rc = cq_resize(c->guest->vhca, &c->req.u.resize_cq, &c->memory[0], &old,
			   &c->rsp.u.resize_cq.index);

	if (rc == 0)
		command_release(c->guest, &old);
	return rc;
}

static int resize_cq(struct command *c)
{
	const struct vib_cmd_resize_cq *cmd = &c->req.u.resize_cq;

	command_want(c, &cmd->pages, true);
	c->make = make_cq_again;
	return cq_resize_check(c->guest->vhca, cmd);
}

static int make_srq(struct command *c)
{
	return srq_create(c->guest->vhca, &c->req.u.create_srq, &c->memory[0],
			  &c->rsp.u.object.number);
}

static int create_srq(struct command *c)
{
	const struct vib_cmd_create_srq *cmd = &c->req.u.create_srq;
	int rc;

	command_want(c, &cmd->pages, true);
	c->make = make_srq;
	if (c->guest->hca.wire && cmd->type == VIB_SRQT_XRC)
		return -EOPNOTSUPP;
	rc = srq_check(c->guest->vhca, cmd);
	return rc == 0 && c->guest->hca.wire ? hca_create_srq(c) : rc;
}

/* Destroy by a function that gives one piece of memory back. */
static int destroy(struct guest *guest, uint32_t number,
		   int (*end_of)(struct vhca *vhca, uint32_t number,
				 struct memory *memory))
{
	struct memory memory;
	int rc = end_of(guest->vhca, number, &memory);

	if (rc == 0)
		command_release(guest, &memory);
	return rc;
}

/* Of an MR, or of a key that requests register. */
static int dereg_mr(struct command *c)
{
	uint32_t number = c->req.u.object.number;
	struct guest *guest = c->guest;

	if (!guest->hca.wire)
		return key_is_window(number) ? fast_destroy(guest->vhca, number)
					     : destroy(guest, number, mr_destroy);
	if (!mr_wire(guest->vhca, number)) /* those of an HCA have any keys */
		return hca_dereg_fast(c);
	return hca_destroy_mr(c, mr_wire(guest->vhca, number), mr_destroy);
}

/* The send queue is mapped first; either may be none. */
static int make_qp(struct command *c)
{
	const struct vib_cmd_create_qp *cmd = &c->req.u.create_qp;
	const struct memory none = { 0 };
	unsigned int n = 0;
	const struct memory *sq = cmd->sq.pages.count ? &c->memory[n++] : &none;
	const struct memory *rq = cmd->rq.pages.count ? &c->memory[n] : &none;

	return qp_create(c->guest->vhca, cmd, sq, rq, &c->rsp.u.object.number);
}

static bool is_for_mads(uint8_t type)
{
	return type == VIB_QPT_SMI || type == VIB_QPT_GSI;
}

static int create_qp(struct command *c)
{
	const struct vib_cmd_create_qp *cmd = &c->req.u.create_qp;
	int rc;

	if (cmd->sq.pages.count)
		command_want(c, &cmd->sq.pages, true);
	if (cmd->rq.pages.count)
		command_want(c, &cmd->rq.pages, true);
	c->make = make_qp;
	rc = qp_check(c->guest->vhca, cmd);
	if (rc == 0 && c->guest->hca.wire && !is_for_mads(cmd->type))
		rc = hca_create_qp(c);
	return rc;
}

/* The counterpart at the guest's HCA, if it has one. */
static struct wire_qp *counterpart(const struct guest *guest, uint32_t number)
{
	return guest->hca.wire ? qp_wire(guest->vhca, number) : NULL;
}

static int destroy_qp(struct command *c)
{
	struct guest *guest = c->guest;
	uint32_t number = c->req.u.object.number;
	struct wire_qp *wire = counterpart(guest, number);
	struct memory sq, rq;
	int rc;

	if (wire)
		return hca_destroy_qp(c, wire);
	rc = qp_destroy(guest->vhca, number, &sq, &rq);
	if (rc < 0)
		return rc;
	command_release(guest, &sq);
	command_release(guest, &rq);
	return 0;
}

static int modify_qp(struct command *c)
{
	const struct vib_cmd_modify_qp *cmd = &c->req.u.modify_qp;
	struct wire_qp *wire = counterpart(c->guest, cmd->qpn);

	return wire ? hca_modify_qp(c, wire) : qp_change(c->guest->vhca, cmd);
}

/* ---- MADs -------------------------------------------------------------- */

/* The page is let go of before the answer. */
static int answer_mad(struct command *c)
{
	uint8_t in[VIB_MAD_BYTES], out[VIB_MAD_BYTES] = { 0 };
	uint8_t *page = c->memory[0].at;
	bool replied;

	memcpy(in, page, sizeof(in));
	vib_copy_barrier();
	replied = c->guest->process_mad(c->guest->gsi_arg, in, out);
	if (replied)
		memcpy(page + sizeof(in), out, sizeof(out));
	c->rsp.u.process_mad.replied = replied;
	command_release_mapped(c);
	return 0;
}

static int process_mad(struct command *c)
{
	const struct vib_pages page = { .count = 1, .root = c->req.u.process_mad.ref };

	if (!c->guest->process_mad)
		return -EOPNOTSUPP;
	if (c->req.port != VIB_PORT)
		return -EINVAL;
	command_want(c, &page, true);
	c->make = answer_mad;
	return 0;
}

/* ---- all of them ------------------------------------------------------- */

/* Do what the command asks, or check it and say what has to be mapped before. */
static int begin(struct command *c)
{
	const struct vib_control_request *req = &c->req;
	struct guest *guest = c->guest;
	struct vhca *vhca = guest->vhca;
	uint32_t number = req->u.object.number;
	uint32_t *made = &c->rsp.u.object.number;

	switch (req->operation) {
	case VIB_CMD_MAP_DOORBELL:
		return map_doorbell(c);
	case VIB_CMD_UNMAP_DOORBELL:
		return destroy_wired(guest, number, doorbell_destroy);
	case VIB_CMD_CREATE_EQ:
		return create_eq(c);
	case VIB_CMD_DESTROY_EQ:
		return destroy_wired(guest, number, eq_destroy);
	case VIB_CMD_ALLOC_PD:
		return guest->hca.wire ? hca_alloc_pd(c) : pd_create(vhca, made);
	case VIB_CMD_DEALLOC_PD:
		return hca_dealloc_pd(c);
	case VIB_CMD_ALLOC_XRCD:
		return xrcd_create(vhca, made);
	case VIB_CMD_DEALLOC_XRCD:
		return xrcd_destroy(vhca, number);
	case VIB_CMD_REG_MR:
		return reg_mr(c);
	case VIB_CMD_DEREG_MR:
		return dereg_mr(c);
	case VIB_CMD_REREG_MR:
		return rereg_mr(c);
	case VIB_CMD_REG_DMA:
		return reg_dma(c);
	case VIB_CMD_DEREG_DMA:
		return guest->hca.wire
			       ? hca_destroy_mr(c, dma_wire(vhca, number), dma_destroy)
			       : destroy(guest, number, dma_destroy);
	case VIB_CMD_ALLOC_MR:
		return guest->hca.wire ? hca_alloc_mr(c)
				       : fast_create(vhca, &req->u.alloc_mr, made);
	case VIB_CMD_ALLOC_MW:
		return guest->hca.wire ? -EOPNOTSUPP
				       : mw_create(vhca, &req->u.alloc_mw, made);
	case VIB_CMD_DEALLOC_MW:
		return mw_destroy(vhca, number);
	case VIB_CMD_CREATE_CQ:
		return create_cq(c);
	case VIB_CMD_MODIFY_CQ:
		return cq_modify(vhca, &req->u.modify_cq);
	case VIB_CMD_RESIZE_CQ:
		return resize_cq(c);
	case VIB_CMD_DESTROY_CQ:
		return destroy(guest, number, cq_destroy);
	case VIB_CMD_CREATE_SRQ:
		return create_srq(c);
	case VIB_CMD_MODIFY_SRQ:
		return srq_modify(vhca, &req->u.modify_srq);
	case VIB_CMD_QUERY_SRQ:
		return srq_query(vhca, number, &c->rsp.u.srq.limit);
	case VIB_CMD_DESTROY_SRQ:
		return guest->hca.wire ? hca_destroy_srq(c)
				       : destroy(guest, number, srq_destroy);
	case VIB_CMD_CREATE_QP:
		return create_qp(c);
	case VIB_CMD_MODIFY_QP:
		return modify_qp(c);
	case VIB_CMD_QUERY_QP:
		return qp_query(vhca, number, &c->rsp.u.qp);
	case VIB_CMD_DESTROY_QP:
		return destroy_qp(c);
	case VIB_CMD_ATTACH_MCAST:
		return hca_attach_mcast(c);
	case VIB_CMD_DETACH_MCAST:
		return hca_detach_mcast(c);
	case VIB_CMD_PROCESS_MAD:
		return process_mad(c);
	default:
		return -EOPNOTSUPP;
	}
}

int object_command(struct command *c)
{
	int status;

	c->num_trees = 0;
	c->num_mapped = 0;
	c->make = NULL;
	c->at_hca = NULL;
	c->guest->command = c;
	status = begin(c);
	return status == 0 && c->make ? go_on(c) : end(c, status);
}

static void clear_memory(void *arg, const struct memory *memory)
{
	command_release(arg, memory);
}

static void clear_port(void *arg, uint32_t port)
{
	const struct guest *guest = arg;

	xenport_unbind(guest->vhca->events, port);
}

/* The HCA has nothing of the guest's any more. */
static void on_hca_clear(struct guest *guest)
{
	if (!pages_end(guest, guest->ended))
		guest->ended(guest);
}

bool object_clear(struct guest *guest, void (*ended)(struct guest *guest))
{
	vhca_clear(guest->vhca, clear_memory, clear_port, guest);
	if (guest->command)
		command_release_mapped(guest->command);
	guest->ended = ended;
	return hca_clear(guest, on_hca_clear) || pages_end(guest, ended);
}
