// SPDX-License-Identifier: GPL-2.0-or-later
#include "control/hca_command.h"

#include <errno.h>
#include <string.h>

#include "control/command_parts.h"
#include "engine/engine.h"
#include "engine/objects.h"
#include "engine/port_view.h"
#include "engine/qp_state.h"

static int create_qp_at_hca(struct command *c)
{
	return wire_qp_new(c->guest->hca.wire, c->wire_pd, c->wire_srq,
			   &c->req.u.create_qp, &c->wire_qp);
}

static int end_qp_at_hca(struct command *c)
{
	(void)wire_qp_end(c->wire_qp);
	return 0;
}

static int refuse_qp(struct command *c)
{
	command_release_mapped(c);
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

int hca_create_qp(struct command *c)
{
	const struct vib_cmd_create_qp *cmd = &c->req.u.create_qp;

	if (cmd->type == VIB_QPT_XRC_INI || cmd->type == VIB_QPT_XRC_TGT)
		return -EOPNOTSUPP;
	if (cmd->qpn) /* it is the HCA that gives numbers */
		return -EEXIST;
	/* What a kernel lends is of a PD of ours; so are its QPs. */
	c->wire_pd =
		cmd->flags & VIB_QPF_KERNEL ? NULL : pd_wire(c->guest->vhca, cmd->pd);
	/* One of UD receives into memory of ours, and its guest's queue serves. */
	c->wire_srq = cmd->type == VIB_QPT_RC ? srq_wire(c->guest->vhca, cmd->srq) : NULL;
	c->at_hca = create_qp_at_hca;
	c->make = make_wired_qp;
	return hca_check_bytes(c->guest, wire_qp_bytes(c->guest->hca.wire, cmd));
}

/* The HCA is done with the QP: what it took of its SRQ leaves room for others. */
static int give_places_back(struct command *c)
{
	if (c->srq)
		wire_srq_refill(c->srq);
	return command_let_go(c);
}

int hca_destroy_qp(struct command *c, struct wire_qp *wire)
{
	uint32_t qpn = c->req.u.object.number;
	struct memory sq, rq;
	int rc;

	c->srq = qp_wire_srq(c->guest->vhca, qpn);
	rc = qp_destroy(c->guest->vhca, qpn, &sq, &rq);
	if (rc < 0)
		return rc;
	c->wire_qp = wire;
	command_end_at_hca(c, &sq, NULL);
	command_end_at_hca(c, &rq, end_qp_at_hca);
	c->make = give_places_back;
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

/* Is the vport still who the HCA was told it is, by a job that may have slept? */
static bool is_still(const struct command *c)
{
	const struct wire_source now = source_of(c->guest, &c->modify.attr);

	if (now.pkey != c->source.pkey)
		return false;
	/* Datagrams are looked at one by one. */
	return c->wire_qp->datagrams ||
	       (!vhca_view(c->guest->vhca)->cut &&
		memcmp(&now.gid, &c->source.gid, sizeof(now.gid)) == 0);
}

/* The same where the HCA was told who it is. */
static int identified(struct command *c)
{
	int rc = modified(c);

	if (rc == 0 && !is_still(c))
		qp_lose_identity(c->guest->vhca, c->req.u.modify_qp.qpn);
	return rc;
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
	c->make = identified;
	return 0;
}

/*
 * Is its peer a QP of a vport of this host? On InfiniBand that is not told by LID, which
 * all there have in common, and the HCA's other users with them: but by the QP.
 */
static bool is_local(const struct guest *guest, const struct vib_qp_attr *attr)
{
	const struct hca *hca = &guest->hca;

	return hca->is_local(hca->arg, &attr->av) &&
	       (hca->ethernet || vhca_find_qp(guest->vhca, attr->dest_qpn));
}

static int loop_at_hca(struct command *c)
{
	c->refusal = wire_qp_loop(c->wire_qp, &c->modify.attr, &c->source);
	return 0;
}

/*
 * Without it its atomics fail. What the HCA has connected is known here, whatever became
 * of the QP meanwhile, so that it goes to ERR and RESET with it; who is another by now is
 * seen at each message.
 */
static int is_looped(struct command *c)
{
	int rc = modified(c);

	if (c->refusal == 0)
		qp_begin_loop(c->guest->vhca, c->req.u.modify_qp.qpn);
	return rc;
}

/* One, as in c->modify.attr, whose peer is here: it goes by memory, but for atomics, if
 * there may be some. */
static int modify_local(struct command *c)
{
	const struct vib_cmd_modify_qp *cmd = &c->req.u.modify_qp;
	struct vib_qp_attr *attr = &c->modify.attr;
	struct guest *guest = c->guest;

	qp_attr_apply(attr, cmd->mask, &cmd->attr);
	if (wire_is_looped(c->wire_qp) || attr->state < VIB_QPS_RTR ||
	    attr->state > VIB_QPS_SQD ||
	    !qp_wants_loop(guest->vhca, cmd->qpn, attr->dest_qpn, attr->access_flags) ||
	    !hca_complete_av(guest, &attr->av))
		return modified(c);
	c->source = source_of(guest, attr);
	c->at_hca = loop_at_hca;
	c->make = is_looped;
	return 0;
}

/* A connected QP, as in c->modify.attr, learns of its peer: is that behind the wire? */
static int find_path(struct command *c)
{
	const struct vib_cmd_modify_qp *cmd = &c->req.u.modify_qp;
	struct guest *guest = c->guest;
	struct vib_qp_attr *attr = &c->modify.attr;

	if (is_local(guest, &cmd->attr) &&
	    !qp_loops(guest->vhca, cmd->qpn, cmd->attr.dest_qpn))
		return qp_end_wire(guest->vhca, cmd->qpn) ? modify_local(c) : -EINVAL;
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

/* An error of one request, after which UC and UD go on. */
static bool revives(const struct vib_cmd_modify_qp *cmd, enum vib_qp_state from)
{
	return from == VIB_QPS_SQE && cmd->mask & VIB_QP_STATE &&
	       cmd->attr.state == VIB_QPS_RTS;
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

/* First here, so that nothing is posted any more. */
static int reset(struct command *c)
{
	int rc = modified(c);

	c->modify = c->req.u.modify_qp;
	c->srq = qp_wire_srq(c->guest->vhca, c->modify.qpn);
	c->at_hca = modify_at_hca;
	c->make = give_places_back;
	return rc;
}

static int change_at_hca(struct command *c)
{
	return wire_qp_change(c->wire_qp, c->modify.mask, &c->modify.attr, &c->source);
}

/* The same of c->modify, of one that is in SQD here and in RTS there. */
static int change_in_sqd(struct command *c)
{
	const struct vib_cmd_modify_qp *cmd = &c->req.u.modify_qp;
	bool stays = !(cmd->mask & VIB_QP_STATE) || cmd->attr.state == VIB_QPS_SQD;

	/* IBTA vol. 1 §10.3.1.5: not before it is drained. */
	if (stays && c->modify.attr.sq_draining)
		return -EINVAL;
	c->at_hca = change_at_hca;
	return 0;
}

/* It is in RTR or beyond at the HCA, and here as in c->modify.attr. */
static int modify_on_wire(struct command *c)
{
	const struct vib_cmd_modify_qp *cmd = &c->req.u.modify_qp;
	struct vib_qp_attr *attr = &c->modify.attr;
	enum vib_qp_state from = attr->state;

	/* ERR is the engine's too: it has the HCA told, as of all that fail. */
	if (is_engines(cmd, from))
		return modified(c);
	if (from == VIB_QPS_SQD && cmd->mask & VIB_QP_AV)
		return -EOPNOTSUPP;
	if (resets(cmd))
		return reset(c);
	qp_attr_apply(attr, cmd->mask, &cmd->attr);
	c->source = source_of(c->guest, attr);
	c->modify.mask = (cmd->mask & ~(uint32_t)VIB_QP_CUR_STATE) | VIB_QP_STATE;
	c->at_hca = modify_at_hca;
	c->make = identified;
	return from == VIB_QPS_SQD ? change_in_sqd(c) : 0;
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

	if (rc == 0 && c->refusal == 0 && is_still(c))
		qp_begin_datagrams(c->guest->vhca, c->req.u.modify_qp.qpn);
	return rc;
}

/* The same of UD: at the HCA it is in RTS from the guest's RTR on; the engine says what
 * it sends.
 */
static int modify_datagrams(struct command *c)
{
	const struct vib_cmd_modify_qp *cmd = &c->req.u.modify_qp;
	const uint32_t keys = VIB_QP_QKEY | VIB_QP_PKEY_INDEX;
	struct vib_qp_attr *attr = &c->modify.attr;
	bool to_rtr = cmd->mask & VIB_QP_STATE && cmd->attr.state == VIB_QPS_RTR;
	enum vib_qp_state from;

	/* The GSIs behind the wire take it for an administrator's. */
	if (cmd->mask & VIB_QP_QKEY && cmd->attr.qkey & QKEY_CONTROLLED)
		return -EINVAL;
	if (resets(cmd))
		return reset(c);
	from = attr->state;
	if (!to_rtr &&
	    !(wire_is_active(c->wire_qp) && (cmd->mask & keys || revives(cmd, from))))
		return modified(c);
	qp_attr_apply(attr, cmd->mask, &cmd->attr);
	c->source = source_of(c->guest, attr);
	attr->state = VIB_QPS_RTS;
	c->modify.mask = (cmd->mask & keys) | VIB_QP_STATE;
	c->at_hca = to_rtr ? bring_up : modify_at_hca;
	c->make = to_rtr ? is_brought_up : identified;
	return from == VIB_QPS_SQD ? change_in_sqd(c) : 0;
}

int hca_modify_qp(struct command *c, struct wire_qp *wire)
{
	const struct vib_cmd_modify_qp *cmd = &c->req.u.modify_qp;
	struct guest *guest = c->guest;
	struct vib_qp_attr *attr = &c->modify.attr;
	int rc = qp_change_check(guest->vhca, cmd);

	if (rc < 0)
		return rc;
	c->wire_qp = wire;
	(void)qp_query(guest->vhca, cmd->qpn, attr);
	if (wire->datagrams)
		return modify_datagrams(c);
	if (cmd->mask & VIB_QP_STATE && cmd->attr.state == VIB_QPS_RTR &&
	    cmd->mask & VIB_QP_AV)
		return find_path(c);
	if (!wire_is_active(wire) && !(wire_is_looped(wire) && resets(cmd)))
		return modify_local(c);
	if (attr->state == VIB_QPS_INIT && !resets(cmd))
		return modified(c);
	return modify_on_wire(c);
}
