// SPDX-License-Identifier: GPL-2.0-or-later
/* Windows at the HCA, of type 2B: keys of fast registration, see engine/wire_fast.h. */
#include <errno.h>
#include <stdlib.h>

#include <urcu/compiler.h>

#include "log.h"
#include "wire/parts.h"

static struct hca_mw *hca_mw_of(struct wire_mw *w)
{
	return caa_container_of(w, struct hca_mw, base);
}

int wire_mw_new(struct wire_guest *g, struct wire_mw **made)
{
	struct hca_mw *m = calloc(1, sizeof(*m));
	struct wire_pd *pd = wire_pd_or_own(g, NULL);
	int error;

	if (!m || !pd) {
		free(m);
		return -ENOMEM;
	}
	m->guest = g;
	m->mw = ibv_alloc_mw(pd->pd, IBV_MW_TYPE_2);
	if (!m->mw) {
		error = errno;
		free(m);
		return wire_errno(error);
	}
	m->base.key = m->mw->rkey;
	LIST_INSERT_HEAD(&g->mws, m, entry);
	*made = &m->base;
	return 0;
}

/* The MR ends that was made for it, if no window is bound to that. */
static int end_own(struct hca_mw *m)
{
	int error = m->own ? ibv_dereg_mr(m->own->mr) : 0;

	if (!m->own || (error && !m->guest->port->gone))
		return wire_errno(error);
	LIST_REMOVE(m->own, entry);
	free(m->own);
	m->own = NULL;
	return 0;
}

int wire_mw_back(struct wire_mw *w, uint8_t *at, uint64_t iova, uint64_t length,
		 struct wire_mr **made)
{
	const struct vib_cmd_reg_mr cmd = { .iova = iova,
					    .length = length,
					    .access = VIB_ACCESS_LOCAL_WRITE };
	const struct memory memory = { .at = at - iova % VIB_PAGE_SIZE };
	struct hca_mw *m = hca_mw_of(w);
	int rc = end_own(m);

	if (rc == 0)
		rc = wire_mr_new(m->guest, NULL, &cmd, &memory, &m->own);
	*made = rc == 0 ? m->own : NULL;
	return rc;
}

/* The window before what is beneath it. */
static int end(struct hca_mw *m)
{
	int error = ibv_dealloc_mw(m->mw);
	int rc = end_own(m);

	LIST_REMOVE(m, entry);
	if (m->own) /* and stays with the HCA: nothing more can be done */
		LIST_REMOVE(m->own, entry);
	free(m->own);
	free(m);
	return error ? wire_errno(error) : rc;
}

int wire_mw_end(struct wire_mw *w)
{
	const struct wire_port *port = hca_mw_of(w)->guest->port;
	int rc = end(hca_mw_of(w));

	if (rc && !port->gone)
		log_err("HCA %s: cannot destroy a window: error %d", port->device, -rc);
	return rc;
}

void wire_mws_end_unused(struct wire_guest *g)
{
	struct wire_mw *w;

	while ((w = wire_fast_take_ended(&g->wire)))
		(void)wire_mw_end(w);
}
