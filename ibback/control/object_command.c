// SPDX-License-Identifier: GPL-2.0-or-later
#include "control/object_command.h"

#include <errno.h>
#include <string.h>

#include <urcu/compiler.h>

#include <xen-ib/barrier.h>

#include "control/complaints.h"
#include "engine/engine.h"
#include "engine/objects.h"
#include "engine/port_view.h"
#include "engine/qp_state.h"
#include "xenport/xenport.h"

/* xen/errno.h has Linux' numbers, and so does the C library here. */
_Static_assert(EINVAL == 22 && ENOMEM == 12 && EBUSY == 16 && ENOSPC == 28 &&
		       EEXIST == 17 && EOPNOTSUPP == 95 && ENOENT == 2,
	       "ABI: statuses are values of xen/errno.h");

/* Nobody uses @memory any more, if it is any. */
static void release(struct guest *guest, const struct memory *memory)
{
	if (memory->at)
		pages_release(guest, memory);
}

/* ---- mapping, making, unmapping ---------------------------------------- */

static void on_unmapped(struct guest *guest);

/* What the command has mapped and nothing was made of. */
static void release_mapped(struct command *c)
{
	while (c->num_mapped)
		release(c->guest, &c->memory[--c->num_mapped]);
}

/* It has @status; what it has no more use for is unmapped before it is answered. */
static int end(struct command *c, int status)
{
	if (status < 0)
		release_mapped(c);
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

	if (rc == 0)
		c->num_mapped++;
	if (guest->hca.clearing)
		release_mapped(c);
	else
		answer(c, rc == 0 ? go_on(c) : end(c, rc));
}

static void on_unmapped(struct guest *guest)
{
	if (!guest->hca.clearing)
		answer(guest->command, guest->command->rsp.status);
}

/* What the command destroyed is no longer the HCA's either: its memory can go. */
static int let_go(struct command *c)
{
	release_mapped(c);
	return 0;
}

/* Has the guest an HCA? Then @at_hca is done there before anything is made. */
static bool begin_at_hca(struct command *c, int (*at_hca)(struct command *c))
{
	if (!c->guest->hca.wire)
		return false;
	c->at_hca = at_hca;
	return true;
}

/* It took @memory from what it destroyed; @at_hca destroys the counterpart. */
static void end_at_hca(struct command *c, const struct memory *memory,
		       int (*at_hca)(struct command *c))
{
	if (memory && memory->at)
		c->memory[c->num_mapped++] = *memory;
	c->num_trees = c->num_mapped;
	c->at_hca = at_hca;
	c->make = let_go;
}

/* Have @pages be mapped. */
static void want(struct command *c, const struct vib_pages *pages, bool writable)
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

	want(c, &page, true);
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
	want(c, &cmd->pages, true);
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
	release(guest, &memory);
	return 0;
}

/* ---- with memory ------------------------------------------------------- */

static int register_mr(struct command *c)
{
	return wire_mr_new(c->guest->hca.wire, c->wire_pd, &c->req.u.reg_mr,
			   &c->memory[0], &c->wire_mr);
}

static int unregister_mr(struct command *c)
{
	(void)wire_mr_end(c->wire_mr); /* which has said why not */
	return 0;
}

static int refuse_mr(struct command *c)
{
	release_mapped(c);
	return -ENOSPC;
}

/* What is registered becomes an MR; one that cannot be is taken back. */
static int make_wired_mr(struct command *c)
{
	struct vib_rsp_reg_mr *rsp = &c->rsp.u.reg_mr;
	int rc = mr_create_wired(c->guest->vhca, &c->req.u.reg_mr, &c->memory[0],
				 c->wire_mr, wire_mr_key(c->wire_mr));

	rsp->lkey = rsp->rkey = wire_mr_key(c->wire_mr);
	if (rc == 0)
		return 0;
	c->at_hca = unregister_mr;
	c->make = refuse_mr;
	return 0;
}

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

	want(c, &cmd->pages, maps_writable(c->guest, cmd->access));
	c->make = make_mr;
	if (begin_at_hca(c, register_mr)) {
		c->wire_pd = pd_wire(c->guest->vhca, cmd->pd);
		c->make = make_wired_mr;
	}
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
		release(c->guest, &old);
	return rc;
}

static int rereg_mr(struct command *c)
{
	const struct vib_cmd_rereg_mr *cmd = &c->req.u.rereg_mr;
	int rc;

	if (c->guest->hca
		    .wire) /* HCAs may change the keys, of which MRs here keep theirs */
		return -EOPNOTSUPP;
	rc = mr_rereg_check(c->guest->vhca, cmd, &c->want);

	if (rc == 0 && cmd->mask & VIB_REREG_TRANSLATION)
		want(c, &c->want.pages, c->want.access & VIB_ACCESS_LOCAL_WRITE);
	c->make = make_mr_again;
	return rc;
}

static struct vib_cmd_reg_mr dma_as_mr(const struct vib_cmd_reg_dma *cmd)
{
	return (struct vib_cmd_reg_mr){
		.iova = cmd->addr,
		.length = (uint64_t)cmd->pages.count * VIB_PAGE_SIZE,
		.access = VIB_ACCESS_LOCAL_WRITE,
	};
}

static int register_dma(struct command *c)
{
	const struct vib_cmd_reg_mr as = dma_as_mr(&c->req.u.reg_dma);

	return wire_mr_new(c->guest->hca.wire, NULL, &as, &c->memory[0], &c->wire_mr);
}

static int make_wired_dma(struct command *c)
{
	return dma_create_wired(c->guest->vhca, &c->req.u.reg_dma, &c->memory[0],
				c->wire_mr, wire_mr_key(c->wire_mr),
				&c->rsp.u.object.number);
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

	want(c, &cmd->pages, true);
	c->make = begin_at_hca(c, register_dma) ? make_wired_dma : make_dma;
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

	want(c, &cmd->pages, true);
	c->make = make_cq;
	return cq_check(c->guest->vhca, cmd);
}

static int make_cq_again(struct command *c)
{
	struct memory old;
	int rc = cq_resize(c->guest->vhca, &c->req.u.resize_cq, &c->memory[0], &old,
			   &c->rsp.u.resize_cq.index);

	if (rc == 0)
		release(c->guest, &old);
	return rc;
}

static int resize_cq(struct command *c)
{
	const struct vib_cmd_resize_cq *cmd = &c->req.u.resize_cq;

	want(c, &cmd->pages, true);
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

	if (c->guest->hca.wire)
		return -EOPNOTSUPP;
	want(c, &cmd->pages, true);
	c->make = make_srq;
	return srq_check(c->guest->vhca, cmd);
}

/* The same of one that is @wire at the HCA, of a guest that has one. */
static int destroy_mr(struct command *c, struct wire_mr *wire,
		      int (*end_of)(struct vhca *vhca, uint32_t number,
				    struct memory *memory))
{
	struct memory memory;
	int rc = end_of(c->guest->vhca, c->req.u.object.number, &memory);

	if (rc < 0)
		return rc;
	c->wire_mr = wire;
	end_at_hca(c, &memory, unregister_mr);
	return 0;
}

/* Destroy by a function that gives one piece of memory back. */
static int destroy(struct guest *guest, uint32_t number,
		   int (*end_of)(struct vhca *vhca, uint32_t number,
				 struct memory *memory))
{
	struct memory memory;
	int rc = end_of(guest->vhca, number, &memory);

	if (rc == 0)
		release(guest, &memory);
	return rc;
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

static int create_qp_at_hca(struct command *c)
{
	return wire_qp_new(c->guest->hca.wire, c->wire_pd, &c->req.u.create_qp,
			   &c->wire_qp);
}

static int end_qp_at_hca(struct command *c)
{
	(void)wire_qp_end(c->wire_qp);
	return 0;
}

static int refuse_qp(struct command *c)
{
	release_mapped(c);
	return c->refusal;
}

static int make_wired_qp(struct command *c)
{
	const struct vib_cmd_create_qp *cmd = &c->req.u.create_qp;
	const struct memory none = { 0 };
	unsigned int n = 0;
	const struct memory *sq = cmd->sq.pages.count ? &c->memory[n++] : &none;
	const struct memory *rq = cmd->rq.pages.count ? &c->memory[n] : &none;

	c->refusal = qp_create_wired(c->guest->vhca, cmd, sq, rq, c->wire_qp,
				     &c->rsp.u.object.number);
	if (c->refusal == 0)
		return 0;
	c->at_hca = end_qp_at_hca;
	c->make = refuse_qp;
	return 0;
}

/* Of a guest with an HCA, where each QP has a counterpart, but for MADs. */
static int create_wired_qp(struct command *c)
{
	const struct vib_cmd_create_qp *cmd = &c->req.u.create_qp;

	if (cmd->type == VIB_QPT_XRC_INI || cmd->type == VIB_QPT_XRC_TGT ||
	    cmd->srq != VIB_NO_OBJECT)
		return -EOPNOTSUPP;
	if (cmd->qpn) /* it is the HCA that gives numbers */
		return -EEXIST;
	/* What a kernel lends is of a PD of ours; so are its QPs. */
	c->wire_pd =
		cmd->flags & VIB_QPF_KERNEL ? NULL : pd_wire(c->guest->vhca, cmd->pd);
	c->at_hca = create_qp_at_hca;
	c->make = make_wired_qp;
	return 0;
}

static int create_qp(struct command *c)
{
	const struct vib_cmd_create_qp *cmd = &c->req.u.create_qp;
	int rc;

	if (cmd->sq.pages.count)
		want(c, &cmd->sq.pages, true);
	if (cmd->rq.pages.count)
		want(c, &cmd->rq.pages, true);
	c->make = make_qp;
	rc = qp_check(c->guest->vhca, cmd);
	if (rc == 0 && c->guest->hca.wire && !is_for_mads(cmd->type))
		rc = create_wired_qp(c);
	return rc;
}

static int destroy_qp(struct command *c)
{
	struct guest *guest = c->guest;
	uint32_t number = c->req.u.object.number;
	struct wire_qp *wire = guest->hca.wire ? qp_wire(guest->vhca, number) : NULL;
	struct memory sq, rq;
	int rc = qp_destroy(guest->vhca, number, &sq, &rq);

	if (rc < 0)
		return rc;
	if (wire) {
		c->wire_qp = wire;
		end_at_hca(c, &sq, NULL);
		end_at_hca(c, &rq, end_qp_at_hca);
		return 0;
	}
	release(guest, &sq);
	release(guest, &rq);
	return 0;
}

static int modify_at_hca(struct command *c)
{
	return wire_qp_modify(c->wire_qp, c->modify.mask, &c->modify.attr, &c->source);
}

/* The HCA has done it; now the engine does. */
static int modified(struct command *c)
{
	return qp_change(c->guest->vhca, &c->req.u.modify_qp);
}

/* The values that the indices in @attr stand for, of the vport alone. */
static struct wire_source source_of(const struct guest *guest,
				    const struct vib_qp_attr *attr)
{
	const struct port_view *view = vhca_view(guest->vhca);

	return (struct wire_source){
		.gid = view->gids[attr->av.sgid_index % VIB_MAX_GIDS],
		.pkey = view->pkeys[attr->pkey_index % VIB_MAX_PKEYS],
	};
}

#define TO_INIT (VIB_QP_STATE | VIB_QP_PKEY_INDEX | VIB_QP_PORT | VIB_QP_ACCESS_FLAGS)
/* Attributes of it may be given with RTR, too. */
#define TO_RTR  (~(uint32_t)(VIB_QP_PKEY_INDEX | VIB_QP_ACCESS_FLAGS | VIB_QP_CUR_STATE))

/* In INIT, with its receives: a message may come as soon as it is in RTR. */
static int go_to_rtr(struct command *c)
{
	qp_begin_wire(c->guest->vhca, c->req.u.modify_qp.qpn);
	c->modify.mask = c->req.u.modify_qp.mask & TO_RTR;
	c->modify.attr.state = VIB_QPS_RTR;
	c->at_hca = modify_at_hca;
	c->make = modified;
	return 0;
}

/* A connected QP learns of its peer: is that behind the wire? */
static int find_path(struct command *c)
{
	const struct vib_cmd_modify_qp *cmd = &c->req.u.modify_qp;
	struct guest *guest = c->guest;
	struct vib_qp_attr *attr = &c->modify.attr;

	if (guest->hca.is_local(guest->hca.arg, &cmd->attr.av))
		return qp_end_wire(guest->vhca, cmd->qpn) ? modified(c) : -EINVAL;
	(void)qp_query(guest->vhca, cmd->qpn, attr);
	qp_attr_apply(attr, cmd->mask, &cmd->attr);
	if (!hca_complete_av(guest, &attr->av))
		return -EINVAL;
	c->source = source_of(guest, attr);
	c->modify.mask = TO_INIT;
	attr->state = VIB_QPS_INIT;
	c->at_hca = modify_at_hca;
	c->make = go_to_rtr;
	return 0;
}

static bool resets(const struct vib_cmd_modify_qp *cmd)
{
	return cmd->mask & VIB_QP_STATE && cmd->attr.state == VIB_QPS_RESET;
}

/* What the HCA is not asked about: in SQD the engine sends it nothing more. */
static bool is_engines(const struct vib_cmd_modify_qp *cmd, enum vib_qp_state from)
{
	enum vib_qp_state to = cmd->attr.state;
	const uint32_t states =
		VIB_QP_STATE | VIB_QP_CUR_STATE | VIB_QP_EN_SQD_ASYNC_NOTIFY;

	if (!(cmd->mask & ~states))
		return to == VIB_QPS_SQD || to == VIB_QPS_ERR ||
		       (from == VIB_QPS_SQD && to == VIB_QPS_RTS);
	return false;
}

/* It is in RTR or beyond at the HCA. */
static int modify_on_wire(struct command *c, enum vib_qp_state from)
{
	const struct vib_cmd_modify_qp *cmd = &c->req.u.modify_qp;

	/* ERR is the engine's too: it has the HCA told, as of all that fail. */
	if (is_engines(cmd, from))
		return modified(c);
	if (from == VIB_QPS_SQD && cmd->mask & VIB_QP_AV)
		return -EOPNOTSUPP;
	c->modify = *cmd;
	if (resets(cmd)) {
		/* First here, so that nothing is posted any more. */
		int rc = modified(c);

		c->at_hca = modify_at_hca;
		c->make = let_go;
		return rc;
	}
	if (!(cmd->mask & VIB_QP_STATE))
		c->modify.attr.state = from;
	c->modify.mask = (cmd->mask & ~(uint32_t)VIB_QP_CUR_STATE) | VIB_QP_STATE;
	c->at_hca = modify_at_hca;
	c->make = modified;
	return 0;
}

static int bring_up(struct command *c)
{
	c->refusal = wire_qp_up(c->wire_qp, &c->modify.attr, &c->source);
	return 0;
}

/*
 * One whose P_Key the port on the wire has not, or none at all, reaches those of this
 * host.
 */
static int is_brought_up(struct command *c)
{
	int rc = modified(c);

	if (rc == 0 && c->refusal == 0)
		qp_begin_datagrams(c->guest->vhca, c->req.u.modify_qp.qpn);
	return rc;
}

/* At the HCA one of UD is in RTS from the guest's RTR on: what it sends the engine says.
 */
static int modify_datagrams(struct command *c)
{
	const struct vib_cmd_modify_qp *cmd = &c->req.u.modify_qp;
	const uint32_t keys = VIB_QP_QKEY | VIB_QP_PKEY_INDEX;
	struct vib_qp_attr *attr = &c->modify.attr;
	bool to_rtr = cmd->mask & VIB_QP_STATE && cmd->attr.state == VIB_QPS_RTR;
	int rc;

	/* The GSIs behind the wire take it for an administrator's. */
	if (cmd->mask & VIB_QP_QKEY && cmd->attr.qkey & QKEY_CONTROLLED)
		return -EINVAL;
	(void)qp_query(c->guest->vhca, cmd->qpn, attr);
	if (resets(cmd)) {
		rc = modified(c);
		c->modify = *cmd;
		c->at_hca = modify_at_hca;
		c->make = let_go;
		return rc;
	}
	if (!to_rtr && !(wire_is_active(c->wire_qp) && cmd->mask & keys))
		return modified(c);
	qp_attr_apply(attr, cmd->mask, &cmd->attr);
	c->source = source_of(c->guest, attr);
	attr->state = VIB_QPS_RTS;
	c->modify.mask = (cmd->mask & keys) | VIB_QP_STATE;
	c->at_hca = to_rtr ? bring_up : modify_at_hca;
	c->make = to_rtr ? is_brought_up : modified;
	return 0;
}

static int modify_qp(struct command *c)
{
	const struct vib_cmd_modify_qp *cmd = &c->req.u.modify_qp;
	struct guest *guest = c->guest;
	struct vib_qp_attr attr;
	int rc;

	c->wire_qp = guest->hca.wire ? qp_wire(guest->vhca, cmd->qpn) : NULL;
	if (!c->wire_qp)
		return qp_change(guest->vhca, cmd);
	rc = qp_change_check(guest->vhca, cmd);
	if (rc < 0)
		return rc;
	if (c->wire_qp->datagrams)
		return modify_datagrams(c);
	(void)qp_query(guest->vhca, cmd->qpn, &attr);
	if (cmd->mask & VIB_QP_STATE && cmd->attr.state == VIB_QPS_RTR &&
	    cmd->mask & VIB_QP_AV)
		return find_path(c);
	if (!wire_is_active(c->wire_qp) || (attr.state == VIB_QPS_INIT && !resets(cmd)))
		return modified(c);
	return modify_on_wire(c, attr.state);
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
	release_mapped(c);
	return 0;
}

static int process_mad(struct command *c)
{
	const struct vib_pages page = { .count = 1, .root = c->req.u.process_mad.ref };

	if (!c->guest->process_mad)
		return -EOPNOTSUPP;
	if (c->req.port != VIB_PORT)
		return -EINVAL;
	want(c, &page, true);
	c->make = answer_mad;
	return 0;
}

/* ---- multicast --------------------------------------------------------- */

static int attach_here(struct command *c)
{
	const struct guest *guest = c->guest;
	const struct vib_cmd_mcast *cmd = &c->req.u.mcast;
	struct mcast_rule rule = { 0 };

	if (guest->mcast_rule)
		rule = guest->mcast_rule(guest->gsi_arg, &cmd->mgid);
	return qp_attach_mcast(guest->vhca, cmd, &rule);
}

static int attach_at_hca(struct command *c)
{
	c->refusal =
		wire_qp_attach(c->wire_qp, &c->req.u.mcast.mgid, c->req.u.mcast.mlid);
	return 0;
}

static int detach_at_hca(struct command *c)
{
	wire_qp_detach(c->wire_qp, &c->req.u.mcast.mgid);
	return 0;
}

/* What cannot be at the HCA is not here either. */
static int group_is_attached(struct command *c)
{
	if (c->refusal)
		(void)qp_detach_mcast(c->guest->vhca, &c->req.u.mcast);
	return c->refusal;
}

/* First here, where the quotas are. */
static int attach_mcast(struct command *c)
{
	int rc = attach_here(c);

	c->wire_qp = rc == 0 ? qp_wire(c->guest->vhca, c->req.u.mcast.qpn) : NULL;
	if (!c->wire_qp)
		return rc;
	c->at_hca = attach_at_hca;
	c->make = group_is_attached;
	return 0;
}

static int detach_mcast(struct command *c)
{
	int rc = qp_detach_mcast(c->guest->vhca, &c->req.u.mcast);

	c->wire_qp = rc == 0 ? qp_wire(c->guest->vhca, c->req.u.mcast.qpn) : NULL;
	if (!c->wire_qp)
		return rc;
	c->at_hca = detach_at_hca;
	c->make = let_go;
	return 0;
}

/* ---- protection domains ------------------------------------------------ */

static int alloc_pd_at_hca(struct command *c)
{
	return wire_pd_new(c->guest->hca.wire, &c->wire_pd);
}

static int end_pd_at_hca(struct command *c)
{
	(void)wire_pd_end(c->wire_pd);
	return 0;
}

static int refuse_pd(struct command *c)
{
	return c->refusal;
}

static int make_wired_pd(struct command *c)
{
	c->refusal = pd_create_wired(c->guest->vhca, c->wire_pd, &c->rsp.u.object.number);
	if (c->refusal == 0)
		return 0;
	c->at_hca = end_pd_at_hca;
	c->make = refuse_pd;
	return 0;
}

static int alloc_pd(struct command *c)
{
	if (!begin_at_hca(c, alloc_pd_at_hca))
		return pd_create(c->guest->vhca, &c->rsp.u.object.number);
	c->make = make_wired_pd;
	return 0;
}

static int dealloc_pd(struct command *c)
{
	uint32_t number = c->req.u.object.number;
	struct wire_pd *wire = pd_wire(c->guest->vhca, number);
	int rc = pd_destroy(c->guest->vhca, number);

	if (rc == 0 && wire) {
		c->wire_pd = wire;
		end_at_hca(c, NULL, end_pd_at_hca);
	}
	return rc;
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
		return alloc_pd(c);
	case VIB_CMD_DEALLOC_PD:
		return dealloc_pd(c);
	case VIB_CMD_ALLOC_XRCD:
		return xrcd_create(vhca, made);
	case VIB_CMD_DEALLOC_XRCD:
		return xrcd_destroy(vhca, number);
	case VIB_CMD_REG_MR:
		return reg_mr(c);
	case VIB_CMD_DEREG_MR:
		return guest->hca.wire ? destroy_mr(c, mr_wire(vhca, number), mr_destroy)
				       : destroy(guest, number, mr_destroy);
	case VIB_CMD_REREG_MR:
		return rereg_mr(c);
	case VIB_CMD_REG_DMA:
		return reg_dma(c);
	case VIB_CMD_DEREG_DMA:
		return guest->hca.wire
			       ? destroy_mr(c, dma_wire(vhca, number), dma_destroy)
			       : destroy(guest, number, dma_destroy);
	case VIB_CMD_ALLOC_MW:
		/* Whose keys are not the HCA's. */
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
		return destroy(guest, number, srq_destroy);
	case VIB_CMD_CREATE_QP:
		return create_qp(c);
	case VIB_CMD_MODIFY_QP:
		return modify_qp(c);
	case VIB_CMD_QUERY_QP:
		return qp_query(vhca, number, &c->rsp.u.qp);
	case VIB_CMD_DESTROY_QP:
		return destroy_qp(c);
	case VIB_CMD_ATTACH_MCAST:
		return attach_mcast(c);
	case VIB_CMD_DETACH_MCAST:
		return detach_mcast(c);
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
	release(arg, memory);
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
		release_mapped(guest->command);
	guest->ended = ended;
	return hca_clear(guest, on_hca_clear) || pages_end(guest, ended);
}
