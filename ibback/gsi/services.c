// SPDX-License-Identifier: GPL-2.0-or-later
#include "gsi/services.h"

#include <stdlib.h>

#include <urcu/compiler.h>

#include "gsi/be.h"
#include "gsi/ports.h"

#define NS_PER_S 1000000000ull

static bool same(const uint8_t *a, const uint8_t *b)
{
	return memcmp(a + SR_ID, b + SR_ID, 8) == 0 &&
	       memcmp(a + SR_GID, b + SR_GID, sizeof(struct vib_gid)) == 0 &&
	       memcmp(a + SR_PKEY, b + SR_PKEY, 2) == 0;
}

struct service *service_find(struct gsi_port *port, const uint8_t *record)
{
	struct service *s;

	LIST_FOREACH(s, &port->services, of_port)
	if (same(s->record, record))
		return s;
	return NULL;
}

void service_remove(struct service *service)
{
	timer_cancel(&service->port->gsi->timers, &service->timer);
	LIST_REMOVE(service, of_port);
	service->port->num_services--;
	free(service);
}

static void on_lease_end(struct timer *timer, uint64_t now)
{
	(void)now;
	service_remove(caa_container_of(timer, struct service, timer));
}

static struct service *service_new(struct gsi_port *port)
{
	struct service *s;

	if (port->num_services >= MAX_SERVICES)
		return NULL;
	s = calloc(1, sizeof(*s));
	if (!s)
		return NULL;
	s->port = port;
	s->timer.expired = on_lease_end;
	LIST_INSERT_HEAD(&port->services, s, of_port);
	port->num_services++;
	return s;
}

bool service_set(struct gsi_port *port, const uint8_t *record)
{
	uint32_t lease = be32_at(record + SR_LEASE);
	struct service *s = service_find(port, record);
	struct timers *timers = &port->gsi->timers;

	if (!s)
		s = service_new(port);
	if (!s)
		return false;
	memcpy(s->record, record, SERVICE_RECORD_SIZE);
	if (lease == LEASE_FOR_EVER)
		timer_cancel(timers, &s->timer);
	else
		timer_set(timers, &s->timer, gsi_now(port->gsi) + lease * NS_PER_S);
	return true;
}

uint16_t service_pkey(const struct service *service)
{
	return be16_at(service->record + SR_PKEY);
}

static bool has_right(const struct gsi_port *port, const struct service *s)
{
	struct vib_gid gid;

	memcpy(&gid, s->record + SR_GID, sizeof(gid));
	return port_has_gid(port, &gid) && pkey_entry(port->attr.pkeys, service_pkey(s));
}

void services_check(struct gsi_port *port)
{
	struct service *s = LIST_FIRST(&port->services), *next;

	for (; s; s = next) {
		next = LIST_NEXT(s, of_port);
		if (!has_right(port, s))
			service_remove(s);
	}
}

void services_purge(struct gsi_port *port)
{
	while (!LIST_EMPTY(&port->services))
		service_remove(LIST_FIRST(&port->services));
}
