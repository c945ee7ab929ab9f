// SPDX-License-Identifier: GPL-2.0-or-later
/* SRQs at the HCA. */
#include <errno.h>
#include <stdlib.h>

#include <urcu/compiler.h>

#include "log.h"
#include "wire/parts.h"

static uint32_t depth(const struct wire_port *port, const struct vib_cmd_create_srq *cmd)
{
	int most = WIRE_SRQ_MOST;
	uint32_t n = 1u << cmd->order;

	if (port->attr.max_srq_wr < most)
		most = port->attr.max_srq_wr;
	/* Beside sends. */
	if (port->attr.max_cqe > 0 && port->attr.max_cqe / 2 < most)
		most = port->attr.max_cqe / 2;
	return n < (uint32_t)most ? n : (uint32_t)most;
}

uint64_t wire_srq_bytes(const struct wire_guest *g, const struct vib_cmd_create_srq *cmd)
{
	uint32_t count = depth(g->port, cmd);

	return sizeof(struct hca_srq) + wire_srq_places_bytes(count, cmd->max_sge) +
	       count * (WIRE_WQE_BYTES + (uint64_t)cmd->max_sge * WIRE_SGE_BYTES);
}

static int make(struct hca_srq *s, struct ibv_pd *pd,
		const struct vib_cmd_create_srq *cmd)
{
	struct ibv_srq_init_attr attr = {
		.srq_context = s,
		.attr = { .max_sge = cmd->max_sge ? cmd->max_sge : 1 },
	};

	if (s->guest->port->attr.max_srq_wr <= 0) {
		errno = EOPNOTSUPP;
		return -1;
	}
	attr.attr.max_wr = depth(s->guest->port, cmd);
	if (wire_srq_init(&s->base, attr.attr.max_wr, cmd->max_sge) < 0)
		return -1;
	s->base.ops = &wire_srq_ops;
	s->srq = ibv_create_srq(pd, &attr);
	return s->srq ? 0 : -1;
}

int wire_srq_new(struct wire_guest *g, struct wire_pd *pd,
		 const struct vib_cmd_create_srq *cmd, struct wire_srq **made)
{
	struct hca_srq *s = calloc(1, sizeof(*s));
	int error;

	pd = wire_pd_or_own(g, pd);
	if (!s || !pd) {
		free(s);
		return -ENOMEM;
	}
	s->guest = g;
	if (make(s, pd->pd, cmd) < 0) {
		error = errno;
		wire_srq_fini(&s->base);
		free(s);
		return wire_errno(error);
	}
	LIST_INSERT_HEAD(&g->srqs, s, entry);
	s->bytes = wire_srq_bytes(g, cmd);
	__atomic_add_fetch(&g->bytes, s->bytes, __ATOMIC_RELAXED);
	*made = &s->base;
	return 0;
}

int wire_srq_end(struct wire_srq *w)
{
	struct hca_srq *s = caa_container_of(w, struct hca_srq, base);
	const struct wire_port *port = s->guest->port;
	int error = ibv_destroy_srq(s->srq);

	LIST_REMOVE(s, entry);
	__atomic_sub_fetch(&s->guest->bytes, s->bytes, __ATOMIC_RELAXED);
	wire_srq_fini(&s->base);
	free(s);
	if (error && !port->gone)
		log_err("HCA %s: cannot destroy an SRQ: error %d", port->device, error);
	return wire_errno(error);
}
