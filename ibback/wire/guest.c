// SPDX-License-Identifier: GPL-2.0-or-later
#include "wire/guest.h"

#include <errno.h>
#include <stdlib.h>

#include "log.h"
#include "wire/parts.h"

/* RXE_VENDOR_ID, since Linux 5.9. */
#define RXE_VENDOR 0xffffff

static bool has_atomics(const struct wire_port *port)
{
	return port->attr.atomic_cap != IBV_ATOMIC_NONE;
}

bool wire_has_windows(const struct wire_port *port)
{
	return port->attr.device_cap_flags & IBV_DEVICE_MEM_WINDOW_TYPE_2B;
}

bool wire_is_rxe(const struct wire_port *port)
{
	return port->attr.vendor_id == RXE_VENDOR;
}

struct wire_guest *wire_guest_new(struct wire_port *port, struct poller *poller)
{
	struct wire_guest *g = calloc(1, sizeof(*g));

	if (!g)
		return NULL;
	g->port = port;
	g->cqs = wire_cqs_of(port, poller);
	if (!g->cqs) {
		free(g);
		return NULL;
	}
	port->users++;
	wire_init(&g->wire);
	g->wire.qps = &port->qps;
	g->wire.ethernet = port->ethernet;
	g->wire.atomics = has_atomics(port);
	g->wire.repeats_binds = wire_is_rxe(port);
	LIST_INIT(&g->pds);
	LIST_INIT(&g->mrs);
	LIST_INIT(&g->mws);
	LIST_INIT(&g->srqs);
	LIST_INIT(&g->qps);
	return g;
}

struct vhca_wire *wire_guest_wire(struct wire_guest *g)
{
	return &g->wire;
}

/* Users before what they use; windows before QPs, which rxe has in use by them. */
void wire_guest_clear(struct wire_guest *g)
{
	wire_fasts_init(&g->wire.fasts);
	while (!LIST_EMPTY(&g->mws))
		(void)wire_mw_end(&LIST_FIRST(&g->mws)->base);
	while (!LIST_EMPTY(&g->qps))
		(void)wire_qp_end(&LIST_FIRST(&g->qps)->base);
	while (!LIST_EMPTY(&g->srqs))
		(void)wire_srq_end(&LIST_FIRST(&g->srqs)->base);
	/* Twice: there may be as many unused ones as used. */
	wire_ah_end_unused(g);
	wire_ah_give_up(&g->wire);
	wire_ah_end_unused(g);
	while (!LIST_EMPTY(&g->mrs))
		(void)wire_mr_end(LIST_FIRST(&g->mrs));
	while (!LIST_EMPTY(&g->pds))
		(void)wire_pd_end(LIST_FIRST(&g->pds));
	g->own_pd = NULL;
}

void wire_guest_free(struct wire_guest *g)
{
	struct wire_port *port = g->port;

	wire_fini(&g->wire);
	free(g);
	if (--port->users == 0)
		port->events->left(port, port->arg);
}

bool wire_wants_writable(const struct wire_port *port)
{
	return port->pins_for_writing;
}

static uint32_t less(uint32_t ours, int hca)
{
	return hca > 0 && (uint32_t)hca < ours ? (uint32_t)hca : ours;
}

/* How long one is is not for the HCA to say, which has a part of it at a time. */
static void limit_srqs(const struct ibv_device_attr *hca, struct vib_device_attr *attr)
{
	if (hca->max_srq <= 0 || hca->max_srq_wr <= 0 || hca->max_srq_sge <= 0) {
		attr->max_srq = 0;
		attr->max_srq_wr = 0;
		attr->max_srq_sge = 0;
		return;
	}
	attr->max_srq = less(attr->max_srq, hca->max_srq);
	attr->max_srq_sge = less(attr->max_srq_sge, hca->max_srq_sge);
}

void wire_limit(const struct wire_port *port, struct vib_device_attr *attr)
{
	const struct ibv_device_attr *hca = &port->attr;

	attr->max_qp_wr = less(attr->max_qp_wr, hca->max_qp_wr);
	attr->max_send_sge = (uint16_t)less(attr->max_send_sge, hca->max_sge);
	attr->max_recv_sge = (uint16_t)less(attr->max_recv_sge, hca->max_sge);
	attr->max_sge_rd = (uint16_t)less(attr->max_sge_rd, hca->max_sge_rd);
	attr->max_qp_rd_atom = (uint8_t)less(attr->max_qp_rd_atom, hca->max_qp_rd_atom);
	attr->max_qp_init_rd_atom =
		(uint8_t)less(attr->max_qp_init_rd_atom, hca->max_qp_init_rd_atom);
	if (hca->max_mr_size && hca->max_mr_size < attr->max_mr_size)
		attr->max_mr_size = hca->max_mr_size;
	/* All atomics are the HCA's, between guests of this host, too. */
	attr->atomic_cap = has_atomics(port) ? (uint8_t)hca->atomic_cap : 0;
	limit_srqs(hca, attr);
	attr->cap_flags &= ~(uint32_t)(VIB_CAP_MEM_WINDOWS | VIB_CAP_XRC |
				       VIB_CAP_ATOMIC_WRITE | VIB_CAP_UD_LSO);
	if (port->pins_for_writing)
		attr->cap_flags |= VIB_CAP_WRITABLE_GRANTS;
}

/* Of an HCA that is lost nothing is left, whatever it says; else somebody should know. */
static int ended(const struct wire_guest *g, const char *what, int error)
{
	if (error && !g->port->gone)
		log_err("HCA %s: cannot destroy %s: error %d", g->port->device, what,
			error);
	return wire_errno(error);
}

/* ---- protection domains ------------------------------------------------ */

static struct wire_pd *pd_new(struct wire_guest *g)
{
	struct wire_pd *pd = calloc(1, sizeof(*pd));

	if (!pd)
		return NULL;
	pd->guest = g;
	pd->pd = ibv_alloc_pd(g->port->context);
	if (!pd->pd) {
		free(pd);
		return NULL;
	}
	LIST_INSERT_HEAD(&g->pds, pd, entry);
	return pd;
}

int wire_pd_new(struct wire_guest *g, struct wire_pd **pd)
{
	*pd = pd_new(g);
	return *pd ? 0 : -ENOMEM;
}

int wire_pd_end(struct wire_pd *pd)
{
	int error = ibv_dealloc_pd(pd->pd);
	const struct wire_guest *g = pd->guest;

	LIST_REMOVE(pd, entry);
	free(pd);
	return ended(g, "a PD", error);
}

struct wire_pd *wire_pd_or_own(struct wire_guest *g, struct wire_pd *pd)
{
	if (pd)
		return pd;
	if (!g->own_pd)
		g->own_pd = pd_new(g);
	return g->own_pd;
}

/* ---- memory regions ---------------------------------------------------- */

int wire_access(const struct wire_port *port, uint32_t access)
{
	uint32_t known =
		VIB_ACCESS_LOCAL_WRITE | VIB_ACCESS_REMOTE_WRITE | VIB_ACCESS_REMOTE_READ;

	if (has_atomics(port))
		known |= VIB_ACCESS_REMOTE_ATOMIC;
	return (int)(access & known);
}

int wire_mr_new(struct wire_guest *g, struct wire_pd *pd,
		const struct vib_cmd_reg_mr *cmd, const struct memory *memory,
		struct wire_mr **made)
{
	struct wire_mr *mr = calloc(1, sizeof(*mr));
	int access = wire_access(g->port, cmd->access), error = ENOMEM;

	/* What the kernel lends lies beneath windows. */
	if (!pd && wire_has_windows(g->port))
		access |= IBV_ACCESS_MW_BIND;
	pd = wire_pd_or_own(g, pd);
	if (!mr || !pd)
		goto fail;
	mr->guest = g;
	mr->mr = ibv_reg_mr_iova(pd->pd, memory->at + cmd->iova % VIB_PAGE_SIZE,
				 cmd->length, cmd->iova, access);
	if (!mr->mr) {
		error = errno;
		goto fail;
	}
	LIST_INSERT_HEAD(&g->mrs, mr, entry);
	*made = mr;
	/* An MR has one key here; one without rights of peers may have no rkey. */
	if (!mr->mr->rkey || mr->mr->rkey == mr->mr->lkey)
		return 0;
	log_err("HCA %s: an MR's lkey and rkey differ: such HCAs cannot be used",
		g->port->device);
	(void)wire_mr_end(mr);
	return -EOPNOTSUPP;

fail:
	free(mr);
	return wire_errno(error);
}

uint32_t wire_mr_key(const struct wire_mr *mr)
{
	return mr->mr->lkey;
}

int wire_mr_end(struct wire_mr *mr)
{
	struct wire_guest *g = mr->guest;
	int error;

	wire_mws_end_unused(g); /* which may be bound to it */
	error = ibv_dereg_mr(mr->mr);
	LIST_REMOVE(mr, entry);
	free(mr);
	return ended(g, "an MR", error);
}
