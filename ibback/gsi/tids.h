/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Transaction IDs on the wire. Requests of all vports go out by one port, whose kernel
 * writes an agent's number over the upper half of each TID (Linux' user_mad), so two
 * vports' could be the same there. The lower half is thus another's: it is chosen here,
 * and by it the answer's TID becomes again what the guest chose.
 */
#ifndef XEN_IB_IBBACK_GSI_TIDS_H
#define XEN_IB_IBBACK_GSI_TIDS_H

#include "gsi/state.h"

/*
 * What goes out for the TID of @mad, which @port sends to @peer: of a request (@make) it
 * is new but for one that is sent again; of others it is that of its request, if that
 * was the port's, or as it is. No memory: as it is.
 */
void tid_out(struct gsi_port *port, const struct vib_gid *peer, bool make, uint8_t *mad);

/* The TID of @mad, which is no request, from @peer to @port, as @port knows it. */
void tid_in(struct gsi_port *port, const struct vib_gid *peer, uint8_t *mad);

/* @port has no transactions any more. */
void tids_purge(struct gsi_port *port);

#endif
