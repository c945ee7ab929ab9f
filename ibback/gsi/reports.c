// SPDX-License-Identifier: GPL-2.0-or-later
#include "gsi/reports.h"

#include <stdlib.h>

#include <urcu/compiler.h>

#include <infiniband/umad_sa.h>

#include "gsi/mad.h"
#include "gsi/ports.h"
#include "gsi/subscriptions.h"

/* As long as InformInfo says, and as often as OpenSM. */
#define REPORT_TIMEOUT_NS 1000000000ull
#define REPORT_TRIES      3

struct report {
	LIST_ENTRY(report) of_port;
	struct timer timer;
	struct gsi_port *port;
	struct mad_packet packet;
	unsigned int tries;
};

static void forget(struct report *report)
{
	timer_cancel(&report->port->gsi->timers, &report->timer);
	LIST_REMOVE(report, of_port);
	report->port->num_reports--;
	free(report);
}

static void send_once(struct report *report)
{
	struct gsi *gsi = report->port->gsi;

	report->tries++;
	timer_set(&gsi->timers, &report->timer, gsi_now(gsi) + REPORT_TIMEOUT_NS);
	gsi_deliver(report->port, &report->packet);
}

static void on_timeout(struct timer *timer, uint64_t now)
{
	struct report *report = caa_container_of(timer, struct report, timer);

	(void)now;
	if (report->tries < REPORT_TRIES)
		send_once(report);
	else
		forget(report);
}

/* SubnAdmReport(Notice), §15.4.2. */
static void fill(struct gsi *gsi, uint8_t mad[VIB_MAD_BYTES], const struct notice *notice)
{
	const struct mad_header header = {
		.mgmt_class = UMAD_CLASS_SUBN_ADM,
		.class_version = UMAD_SA_CLASS_VERSION,
		.method = UMAD_METHOD_REPORT,
		.attribute = UMAD_ATTR_NOTICE,
		.tid = ++gsi->next_report,
	};

	mad_begin(mad, &header);
	memcpy(mad + offsetof(struct umad_sa_packet, data), notice->bytes, NOTICE_SIZE);
}

static const uint8_t *notice_of(const struct report *report)
{
	return report->packet.mad + offsetof(struct umad_sa_packet, data);
}

void reports_supersede(struct gsi_port *port, const struct notice *news)
{
	struct report *report;
	struct notice n;

	LIST_FOREACH(report, &port->reports, of_port)
	{
		notice_get(&n, notice_of(report));
		if (notice_supersedes(news, &n))
			report->tries = REPORT_TRIES;
	}
}

void report_send(struct gsi_port *port, const struct mad_packet *address,
		 const struct notice *notice)
{
	struct report *report = NULL;

	if (port->num_reports < MAX_REPORTS)
		report = calloc(1, sizeof(*report));
	if (!report) {
		gsi_dropped(port, GSI_DROP_NO_MEMORY);
		return;
	}
	report->port = port;
	report->packet = *address;
	report->timer.expired = on_timeout;
	fill(port->gsi, report->packet.mad, notice);
	LIST_INSERT_HEAD(&port->reports, report, of_port);
	port->num_reports++;
	send_once(report);
}

bool report_answered(struct gsi_port *port, uint64_t tid)
{
	struct report *report;

	LIST_FOREACH(report, &port->reports, of_port)
	if (mad_tid(report->packet.mad) == tid) {
		forget(report);
		return true;
	}
	return false;
}

void reports_purge(struct gsi_port *port)
{
	while (!LIST_EMPTY(&port->reports))
		forget(LIST_FIRST(&port->reports));
}
