// SPDX-License-Identifier: GPL-2.0-or-later
#include "link.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "libvib/bringup.h"
#include "libvib/memory.h"

void must(int rc, const char *what)
{
	if (rc >= 0)
		return;
	fprintf(stderr, "bench: %s: %s\n", what, strerror(-rc));
	exit(1);
}

static void open_end(struct link_end *end, const char *socket, unsigned int count)
{
	char why[LIBVIB_WHY_SIZE];

	end->lv = libvib_open(socket, "", why, sizeof(why));
	if (!end->lv) {
		fprintf(stderr, "bench: %s\n", why);
		exit(1);
	}
	must(libvib_open_context(end->lv, &end->context), "context");
	must(libvib_alloc_pd(end->lv, &end->pd), "PD");
	must(libvib_create_cq(end->lv, LINK_DEPTH, NULL, &end->cq), "CQ");
	end->memory = libvib_alloc(end->lv, LINK_BYTES);
	end->qps = calloc(count, sizeof(struct libvib_qp *));
	if (!end->memory || !end->qps)
		must(-ENOMEM, "memory");
	must(libvib_reg_mr(end->pd, end->memory, LINK_BYTES, (uintptr_t)end->memory,
			   VIB_ACCESS_LOCAL_WRITE | VIB_ACCESS_REMOTE_WRITE |
				   VIB_ACCESS_REMOTE_READ,
			   &end->mr),
	     "MR");
}

static void create_qp(struct link_end *end, unsigned int i)
{
	const struct libvib_qp_init init = {
		.type = VIB_QPT_RC,
		.context = end->context,
		.pd = end->pd,
		.send_cq = end->cq,
		.recv_cq = end->cq,
		.send_entries = LINK_DEPTH,
		.send_sges = 1,
		.max_inline = 24,

	};

	must(libvib_create_qp(&init, &end->qps[i]), "QP");
}

static void connect_pair(struct link *link, unsigned int i)
{
	struct libvib_end a, b;

	create_qp(&link->a, i);
	create_qp(&link->b, i);
	must(libvib_qp_end(link->a.qps[i], &a), "port");
	must(libvib_qp_end(link->b.qps[i], &b), "port");
	must(libvib_qp_connect(link->a.qps[i], &a, &b, NULL), "connecting");
	must(libvib_qp_connect(link->b.qps[i], &b, &a, NULL), "connecting");
}

void link_open(struct link *link, int cpu, unsigned int count)
{
	char config[64];

	memset(link, 0, sizeof(*link));
	snprintf(config, sizeof(config), "[engine]\npollers = 1\ncpus = %d\n", cpu);
	if (!daemon_start(&link->daemon, config))
		exit(1);
	open_end(&link->a, link->daemon.socket, count);
	open_end(&link->b, link->daemon.socket, count);
	for (; link->count < count; link->count++)
		connect_pair(link, link->count);
}

static void close_end(struct link_end *end)
{
	/* The backend ends every object of a vib that closes. */
	libvib_close(end->lv);
	free(end->qps);
}

void link_close(struct link *link)
{
	close_end(&link->a);
	close_end(&link->b);
	daemon_stop(&link->daemon);
}
