// SPDX-License-Identifier: GPL-2.0-or-later
#include "gsi/notice.h"

#include <infiniband/umad_sm.h>

#include <urcu/compiler.h>

#include "gsi/be.h"
#include "gsi/ports.h"
#include "gsi/reports.h"
#include "gsi/subscriptions.h"

/* Notice.Type and ProducerType (§13.4.8.2 table 120). */
#define TYPE_SUBNET_MANAGEMENT 3
#define TYPE_INFORMATIONAL     4
#define PRODUCER_CA            1
#define PRODUCER_CLASS_MANAGER 4

/* Offsets in a Notice. */
enum {
	NOTICE_GENERIC_TYPE = 0, /* IsGeneric 1 bit, Type 7 */
	NOTICE_PRODUCER = 1,     /* 24 bits */
	NOTICE_TRAP = 4,
	NOTICE_ISSUER_LID = 6,
	NOTICE_DETAILS = 10,
	NOTICE_ISSUER_GID = 64,
	/* §14.2.5.1 tables 131, 132 */
	DETAILS_64_GID = NOTICE_DETAILS + 6,
	DETAILS_144_LID = NOTICE_DETAILS + 2,
	DETAILS_144_LOCAL_CHANGES = NOTICE_DETAILS + 5,
	DETAILS_144_CAP_MASK = NOTICE_DETAILS + 6,
};

static void seal(struct notice *n)
{
	n->bytes[NOTICE_GENERIC_TYPE] = 0x80 | n->type;
	n->bytes[NOTICE_PRODUCER] = (uint8_t)(n->producer >> 16);
	put_be16(n->bytes + NOTICE_PRODUCER + 1, (uint16_t)n->producer);
	put_be16(n->bytes + NOTICE_TRAP, n->trap);
	put_be16(n->bytes + NOTICE_ISSUER_LID, n->issuer_lid);
	memcpy(n->bytes + NOTICE_ISSUER_GID, &n->issuer_gid, sizeof(n->issuer_gid));
}

void notice_get(struct notice *n, const uint8_t bytes[NOTICE_SIZE])
{
	*n = (struct notice){
		.type = bytes[NOTICE_GENERIC_TYPE] & 0x7f,
		.producer = be32_at(bytes) & 0xffffff,
		.trap = be16_at(bytes + NOTICE_TRAP),
		.issuer_lid = be16_at(bytes + NOTICE_ISSUER_LID),
	};
	memcpy(n->bytes, bytes, NOTICE_SIZE);
	memcpy(&n->issuer_gid, bytes + NOTICE_ISSUER_GID, sizeof(n->issuer_gid));
}

bool notice_is_generic(const struct notice *n)
{
	return n->bytes[NOTICE_GENERIC_TYPE] & 0x80;
}

bool notice_is_of_security(uint16_t trap)
{
	return trap >= UMAD_SM_BAD_MKEY_TRAP && trap <= UMAD_SM_BAD_SWITCH_PKEY_TRAP;
}

struct vib_gid notice_subject(const struct notice *n)
{
	struct vib_gid gid;

	memcpy(&gid, n->bytes + DETAILS_64_GID, sizeof(gid));
	return gid;
}

bool notice_is_about_a_gid(const struct notice *n)
{
	return n->trap >= UMAD_SM_GID_IN_SERVICE_TRAP &&
	       n->trap <= UMAD_SM_MGID_DESTROYED_TRAP;
}

/* Trap 144, and of nothing but that: each one has the whole mask. */
static bool is_of_a_cap_mask(const struct notice *n)
{
	return n->trap == UMAD_SM_LOCAL_CHANGES_TRAP &&
	       !(n->bytes[DETAILS_144_LOCAL_CHANGES] & 1);
}

static bool says_all_of(const struct notice *n, const struct notice *older)
{
	struct vib_gid now = notice_subject(n), then = notice_subject(older);

	/* 64 and 65 are about the same things, and so are 66 and 67. */
	if (notice_is_about_a_gid(n))
		return n->trap / 2 == older->trap / 2 && gids_equal(&now, &then);
	return n->trap == older->trap && is_of_a_cap_mask(older) &&
	       n->issuer_lid == older->issuer_lid &&
	       gids_equal(&n->issuer_gid, &older->issuer_gid);
}

bool notice_supersedes(const struct notice *n, const struct notice *older)
{
	return notice_is_generic(n) && notice_is_generic(older) &&
	       says_all_of(n, older) &&
	       memcmp(n->bytes, older->bytes, sizeof(n->bytes)) != 0;
}

/* §13.4.9: the subnet's manager itself issues traps 64 to 67, about a GID. */
static struct notice of_manager(const struct gsi *gsi, uint16_t trap,
				const struct vib_gid *gid)
{
	struct notice n = {
		.type = TYPE_SUBNET_MANAGEMENT,
		.producer = PRODUCER_CLASS_MANAGER,
		.trap = trap,
		.issuer_lid = gsi->config.sa_lid,
		.issuer_gid = sa_gid(gsi),
	};

	memcpy(n.bytes + DETAILS_64_GID, gid, sizeof(*gid));
	seal(&n);
	return n;
}

/* Tell all who subscribed to it and share a partition with @port. */
static void tell_of(const struct gsi_port *port, const struct notice *n)
{
	struct gsi_port *to;

	LIST_FOREACH(to, &port->gsi->ports, entry)
	if (to != port && !LIST_EMPTY(&to->subscriptions) && ports_common_pkey(to, port))
		subscriptions_report(to, n);
}

void notice_gid(struct gsi_port *port, uint16_t trap, const struct vib_gid *gid)
{
	struct notice n = of_manager(port->gsi, trap, gid);

	tell_of(port, &n);
}

void notice_group(struct gsi *gsi, uint16_t trap, const struct vib_gid *mgid,
		  uint16_t pkey)
{
	struct notice n = of_manager(gsi, trap, mgid);
	struct gsi_port *to;

	LIST_FOREACH(to, &gsi->ports, entry)
	if (!LIST_EMPTY(&to->subscriptions) && pkey_accepting(to->attr.pkeys, pkey) >= 0)
		subscriptions_report(to, &n);
}

/* The least time between two traps of @port, ns. */
static uint64_t trap_interval(const struct gsi_port *port)
{
	return 4096ull << (port->attr.port.subnet_timeout & 0x1f);
}

static void tell_cap_mask(struct gsi_port *port)
{
	const struct vib_port_attr *p = &port->attr.port;
	struct notice n = {
		.type = TYPE_INFORMATIONAL,
		.producer = PRODUCER_CA,
		.trap = UMAD_SM_LOCAL_CHANGES_TRAP,
		.issuer_lid = p->lid,
		.issuer_gid = port->attr.gids[0],
	};

	put_be16(n.bytes + DETAILS_144_LID, p->lid);
	put_be32(n.bytes + DETAILS_144_CAP_MASK, p->cap_mask);
	seal(&n);
	tell_of(port, &n);
}

static void on_interval(struct timer *timer, uint64_t now);

static void begin_interval(struct gsi_port *port)
{
	port->cap_mask_untold = false;
	port->cap_mask_timer.expired = on_interval;
	timer_set(&port->gsi->timers, &port->cap_mask_timer,
		  gsi_now(port->gsi) + trap_interval(port));
}

/* Who sees a port that is down come up looks at it anew. */
static void on_interval(struct timer *timer, uint64_t now)
{
	struct gsi_port *port = caa_container_of(timer, struct gsi_port, cap_mask_timer);

	(void)now;
	if (!port->cap_mask_untold || !port_is_up(port))
		return;
	begin_interval(port);
	tell_cap_mask(port);
}

void notice_cap_mask(struct gsi_port *port)
{
	if (port->cap_mask_timer.deadline) {
		port->cap_mask_untold = true;
		return;
	}
	begin_interval(port);
	tell_cap_mask(port);
}

void notice_purge(struct gsi_port *port)
{
	timer_cancel(&port->gsi->timers, &port->cap_mask_timer);
}
