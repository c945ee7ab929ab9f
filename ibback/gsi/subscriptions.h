/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Who wants to be told of what (IBTA vol. 1 §13.4.11): InformInfo, and the Reports that
 * follow from it, repeated until they are answered.
 */
#ifndef XEN_IB_IBBACK_GSI_SUBSCRIPTIONS_H
#define XEN_IB_IBBACK_GSI_SUBSCRIPTIONS_H

#include "gsi/notice.h"

/* InformInfo (§13.4.8.3), host order. */
struct inform_info {
	struct vib_gid gid; /* of the issuer; zero: the LIDs count */
	uint16_t lid_begin; /* 0xffff: any */
	uint16_t lid_end;
	uint8_t generic;
	uint8_t subscribe;
	uint16_t type;     /* 0xffff: any */
	uint16_t trap;     /* or device id; 0xffff: any */
	uint32_t producer; /* or vendor id, 24 bits; 0xffffff: any */
};

struct subscription {
	LIST_ENTRY(subscription) of_port;
	struct inform_info info;
	struct mad_packet address; /* of a Report; its MAD is not used */
};

#define INFORM_INFO_SIZE 36

void inform_info_get(struct inform_info *info, const uint8_t *p);
void inform_info_put(uint8_t *p, const struct inform_info *info);

/* Are they about the same? `subscribe` does not count. */
bool inform_info_same(const struct inform_info *a, const struct inform_info *b);

/* The one of @port with that content, or NULL; `subscribe` does not count. */
struct subscription *subscription_find(struct gsi_port *port,
				       const struct inform_info *info);

/* @port is told of @info, as the answer to @request goes. NULL: quota or memory. */
struct subscription *subscription_add(struct gsi_port *port,
				      const struct inform_info *info,
				      const struct mad_packet *request);

void subscription_remove(struct gsi_port *port, struct subscription *subscription);

/* Tell @port of @notice, which it may know of, if it subscribed. */
void subscriptions_report(struct gsi_port *port, const struct notice *notice);

/* A ReportResp of @port. false: there is no such Report. */
bool report_answered(struct gsi_port *port, uint64_t tid);

/* End the subscriptions of @port with a P_Key or GID that it does not have any more. */
void subscriptions_check(struct gsi_port *port);

/* End all, with their Reports. */
void subscriptions_purge(struct gsi_port *port);

#endif
