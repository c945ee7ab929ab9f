// SPDX-License-Identifier: GPL-2.0-or-later
#include "control/hca_command.h"

#include <errno.h>

#include "control/command_parts.h"
#include "engine/objects.h"

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
