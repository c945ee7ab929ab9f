/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A real ibback for tests and benchmarks: a child process with a local Xen
 * port, in a folder of its own. It dies with the process that started it.
 *
 * The program is $XEN_IB_IBBACK, or that of the build tree the caller itself
 * lies in: build/bin/ibback for build/test/test_x.
 */
#ifndef XEN_IB_TESTS_DAEMON_H
#define XEN_IB_TESTS_DAEMON_H

#include <stdbool.h>
#include <sys/types.h>

struct daemon {
	pid_t pid;       /* 0: it does not run */
	char dir[64];    /* the folder */
	char socket[96]; /* for libvib_open() */
	char log[96];    /* what it says */
};

/* Start it with the text @config for an ibback.conf, NULL for none, and wait
 * until it listens. False, with its log on stderr, if it does not come up.
 */
bool daemon_start(struct daemon *d, const char *config);

/* Start it again in the same folder, after a kill or a stop by daemon_end(). */
bool daemon_restart(struct daemon *d);

/* kill -9, waited for. */
void daemon_kill(struct daemon *d);

/* SIGTERM, waited for. True if it ended well; else its log is on stderr. */
bool daemon_end(struct daemon *d);

/* End it, if it still runs, and remove the folder. True as above. */
bool daemon_stop(struct daemon *d);

#endif
