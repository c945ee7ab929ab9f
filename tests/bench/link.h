/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Two vibs at one ibback and RC QPs between them: the requester's and the
 * responder's guest, both of this process.
 */
#ifndef XEN_IB_TESTS_LINK_H
#define XEN_IB_TESTS_LINK_H

#include "daemon.h"
#include "libvib/datapath.h"
#include "libvib/objects.h"

#define LINK_DEPTH 128
#define LINK_BYTES (8u << 20) /* beyond a core's own caches */

struct link_end {
	struct libvib *lv;
	struct libvib_context *context;
	struct libvib_pd *pd;
	struct libvib_cq *cq;
	struct libvib_mr *mr;
	void *memory; /* LINK_BYTES */
	struct libvib_qp **qps;
};

struct link {
	struct daemon daemon;
	struct link_end a, b;
	unsigned int count;
};

/*
 * Start ibback, its one poller on processor @cpu, and connect @count pairs of
 * QPs. Ends the program with a message when something fails.
 */
void link_open(struct link *link, int cpu, unsigned int count);
void link_close(struct link *link);

/* End the program with a message if @rc, of @what, is negative. */
void must(int rc, const char *what);

#endif
