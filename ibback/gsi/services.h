/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Services that ports have registered (IBTA vol. 1 §15.2.5.14). */
#ifndef XEN_IB_IBBACK_GSI_SERVICES_H
#define XEN_IB_IBBACK_GSI_SERVICES_H

#include "gsi/state.h"

#define SERVICE_RECORD_SIZE 176

/* Offsets in a ServiceRecord, §15.2.5.14 table 203. */
enum {
	SR_ID = 0,
	SR_GID = 8,
	SR_PKEY = 24,
	SR_LEASE = 28, /* seconds */
	SR_KEY = 32,
	SR_NAME = 48,
	SR_DATA8 = 112,
	SR_DATA16 = 128,
	SR_DATA32 = 144,
	SR_DATA64 = 160,
};
#define SR_KEY_SIZE    16
#define LEASE_FOR_EVER 0xffffffff

struct service {
	LIST_ENTRY(service) of_port;
	struct timer timer; /* the end of its lease */
	struct gsi_port *port;
	uint8_t record[SERVICE_RECORD_SIZE];
};

/* The one of @port with the ServiceID, ServiceGID and ServiceP_Key of @record. */
struct service *service_find(struct gsi_port *port, const uint8_t *record);

/* Register @record, or what changed of it. false: quota or memory are used up. */
bool service_set(struct gsi_port *port, const uint8_t *record);

void service_remove(struct service *service);

/* The partition a service is of, i.e. its ServiceP_Key. */
uint16_t service_pkey(const struct service *service);

/* End those of @port whose GID or P_Key it does not have any more. */
void services_check(struct gsi_port *port);

void services_purge(struct gsi_port *port);

#endif
