/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Reports on their way to a subscriber (IBTA vol. 1 §13.4.11, §15.3.3). */
#ifndef XEN_IB_IBBACK_GSI_REPORTS_H
#define XEN_IB_IBBACK_GSI_REPORTS_H

#include "gsi/notice.h"

/*
 * @port is to be sent @news: what it knows better then is not sent again any more, though
 * it may still be answered. The same notice, by another subscription, is not older.
 */
void reports_supersede(struct gsi_port *port, const struct notice *news);

/*
 * Send @notice to @port at @address, and again until it is answered. With MAX_REPORTS on
 * their way it is lost.
 */
void report_send(struct gsi_port *port, const struct mad_packet *address,
		 const struct notice *notice);

/* Forget all that are on their way to @port. */
void reports_purge(struct gsi_port *port);

#endif
