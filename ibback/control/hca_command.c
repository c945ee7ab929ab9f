// SPDX-License-Identifier: GPL-2.0-or-later
#include "control/hca_command.h"

#include <errno.h>

#include "control/command_parts.h"
#include "control/complaints.h"
#include "engine/objects.h"

int hca_check_bytes(const struct guest *guest, uint64_t more)
{
	struct shortage s = { .kind = SHORT_OF_WIRE,
			      .device = wire_port_device(guest->hca.port),
			      .wire_bytes = wire_guest_bytes(guest->hca.wire),
			      .wire_more = more,
			      .max_wire_bytes = guest->hca.max_bytes };

	if (s.wire_bytes + s.wire_more <= s.max_wire_bytes)
		return 0;
	if (complaints_due(guest->complaints))
		complain(guest, &s);
	return -ENOMEM;
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

int hca_alloc_pd(struct command *c)
{
	c->at_hca = alloc_pd_at_hca;
	c->make = make_wired_pd;
	return 0;
}

int hca_dealloc_pd(struct command *c)
{
	uint32_t number = c->req.u.object.number;
	struct wire_pd *wire = pd_wire(c->guest->vhca, number);
	int rc = pd_destroy(c->guest->vhca, number);

	if (rc == 0 && wire) {
		c->wire_pd = wire;
		command_end_at_hca(c, NULL, end_pd_at_hca);
	}
	return rc;
}

/* ---- memory ------------------------------------------------------------ */

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
	command_release_mapped(c);
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

void hca_reg_mr(struct command *c)
{
	c->wire_pd = pd_wire(c->guest->vhca, c->req.u.reg_mr.pd);
	c->at_hca = register_mr;
	c->make = make_wired_mr;
}

static int register_mr_again(struct command *c)
{
	return wire_mr_new(c->guest->hca.wire, c->wire_pd, &c->want, &c->memory_again,
			   &c->wire_mr);
}

static int refuse_mr_again(struct command *c)
{
	command_release_mapped(c);
	return c->refusal;
}

/* One at the HCA takes the other's place, or is taken back. */
static int make_wired_mr_again(struct command *c)
{
	const struct vib_cmd_rereg_mr *cmd = &c->req.u.rereg_mr;
	uint32_t key = wire_mr_key(c->wire_mr);
	struct vhca *vhca = c->guest->vhca;
	struct wire_mr *was = mr_wire(vhca, cmd->key);
	bool moves = cmd->mask & VIB_REREG_TRANSLATION;
	struct memory old = { 0 };

	c->refusal = mr_rereg_wired(vhca, cmd->key, &c->want,
				    moves ? &c->memory[0] : NULL, c->wire_mr, key, &old);
	if (c->refusal < 0) {
		c->at_hca = unregister_mr;
		c->make = refuse_mr_again;
		return 0;
	}
	c->rsp.u.reg_mr.lkey = c->rsp.u.reg_mr.rkey = key;
	c->num_mapped = 0; /* it is the MR's */
	c->wire_mr = was;
	command_end_at_hca(c, &old, unregister_mr);
	return 0;
}

/* Where its memory is for a while registered twice. */
static int begin_mr_again(struct command *c)
{
	const struct vib_cmd_rereg_mr *cmd = &c->req.u.rereg_mr;

	c->memory_again = cmd->mask & VIB_REREG_TRANSLATION
				  ? c->memory[0]
				  : mr_memory(c->guest->vhca, cmd->key);
	c->at_hca = register_mr_again;
	c->make = make_wired_mr_again;
	return 0;
}

/*
 * As a new one, whose key it has from then on: not every HCA can change one, and none
 * has it as it was if that fails.
 */
void hca_rereg_mr(struct command *c)
{
	c->wire_pd = pd_wire(c->guest->vhca, c->want.pd);
	c->make = begin_mr_again;
}

int hca_destroy_mr(struct command *c, struct wire_mr *wire,
		   int (*end_of)(struct vhca *vhca, uint32_t number,
				 struct memory *memory))
{
	struct memory memory;
	int rc = end_of(c->guest->vhca, c->req.u.object.number, &memory);

	if (rc < 0)
		return rc;
	c->wire_mr = wire;
	command_end_at_hca(c, &memory, unregister_mr);
	return 0;
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

void hca_reg_dma(struct command *c)
{
	c->at_hca = register_dma;
	c->make = make_wired_dma;
}

/* ---- keys of fast registration -------------------------------------------- */

static int alloc_mw_at_hca(struct command *c)
{
	return wire_mw_new(c->guest->hca.wire, &c->wire_mw);
}

static int end_mw_at_hca(struct command *c)
{
	(void)wire_mw_end(c->wire_mw);
	return 0;
}

static int refuse_fast(struct command *c)
{
	return c->refusal;
}

static int make_wired_fast(struct command *c)
{
	c->refusal = fast_create_wired(c->guest->vhca, &c->req.u.alloc_mr, c->wire_mw,
				       &c->rsp.u.object.number);
	if (c->refusal == 0)
		return 0;
	c->at_hca = end_mw_at_hca;
	c->make = refuse_fast;
	return 0;
}

int hca_alloc_mr(struct command *c)
{
	if (!c->guest->hca.frwr)
		return -EOPNOTSUPP;
	c->at_hca = alloc_mw_at_hca;
	c->make = make_wired_fast;
	return fast_check(c->guest->vhca, &c->req.u.alloc_mr);
}

static int end_mws_at_hca(struct command *c)
{
	wire_mws_end_unused(c->guest->hca.wire);
	return 0;
}

int hca_dereg_fast(struct command *c)
{
	int rc = fast_destroy(c->guest->vhca, c->req.u.object.number);

	if (rc == 0)
		command_end_at_hca(c, NULL, end_mws_at_hca);
	return rc;
}

/* ---- shared receive queues ----------------------------------------------- */

static int create_srq_at_hca(struct command *c)
{
	return wire_srq_new(c->guest->hca.wire, c->wire_pd, &c->req.u.create_srq,
			    &c->wire_srq);
}

static int end_srq_at_hca(struct command *c)
{
	(void)wire_srq_end(c->wire_srq);
	return 0;
}

static int refuse_srq(struct command *c)
{
	command_release_mapped(c);
	return c->refusal;
}

static int make_wired_srq(struct command *c)
{
	c->refusal = srq_create_wired(c->guest->vhca, &c->req.u.create_srq, &c->memory[0],
				      c->wire_srq, &c->rsp.u.object.number);
	if (c->refusal == 0)
		return 0;
	c->at_hca = end_srq_at_hca;
	c->make = refuse_srq;
	return 0;
}

int hca_create_srq(struct command *c)
{
	const struct vib_cmd_create_srq *cmd = &c->req.u.create_srq;

	/* As of QPs. */
	c->wire_pd =
		cmd->flags & VIB_SRQF_KERNEL ? NULL : pd_wire(c->guest->vhca, cmd->pd);
	c->at_hca = create_srq_at_hca;
	c->make = make_wired_srq;
	return hca_check_bytes(c->guest, wire_srq_bytes(c->guest->hca.wire, cmd));
}

int hca_destroy_srq(struct command *c)
{
	uint32_t number = c->req.u.object.number;
	struct wire_srq *wire = srq_wire(c->guest->vhca, number);
	struct memory memory;
	int rc = srq_destroy(c->guest->vhca, number, &memory);

	if (rc < 0)
		return rc;
	c->wire_srq = wire;
	command_end_at_hca(c, &memory, end_srq_at_hca);
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
int hca_attach_mcast(struct command *c)
{
	int rc = attach_here(c);

	c->wire_qp = rc == 0 ? qp_wire(c->guest->vhca, c->req.u.mcast.qpn) : NULL;
	if (!c->wire_qp)
		return rc;
	c->at_hca = attach_at_hca;
	c->make = group_is_attached;
	return 0;
}

int hca_detach_mcast(struct command *c)
{
	int rc = qp_detach_mcast(c->guest->vhca, &c->req.u.mcast);

	c->wire_qp = rc == 0 ? qp_wire(c->guest->vhca, c->req.u.mcast.qpn) : NULL;
	if (!c->wire_qp)
		return rc;
	c->at_hca = detach_at_hca;
	c->make = command_let_go;
	return 0;
}
