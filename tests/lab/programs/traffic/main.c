// SPDX-License-Identifier: GPL-2.0-or-later
/* traffic: RDMA between two machines, every byte verified. */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "run.h"

static void on_signal(int number)
{
	(void)number;
	run_stop();
}

static enum outcome connection(struct run *run)
{
	enum outcome outcome = RUN_BROKEN;

	run->tcp = -1;
	run->link = (struct link){ .device = &run->device };
	if (run_await_port(run))
		outcome = run->options.host ? client_connection(run)
					    : server_connection(run);
	if (run->link.qp) {
		if (outcome == RUN_BROKEN)
			link_drain(&run->link, &run->tally);
		link_destroy(&run->link);
	}
	if (run->tcp >= 0)
		close(run->tcp);
	return outcome;
}

static enum outcome run_all(struct run *run)
{
	unsigned int connects;
	enum outcome outcome;

	for (;;) {
		connects = run->tally.connects;
		outcome = connection(run);
		if (outcome == RUN_ENDED || !run->options.reconnect || run_over(run))
			return outcome;
		/* What could not be made will not be there at once. */
		if (connects == run->tally.connects)
			run_pause(run, -1);
	}
}

int main(int argc, char **argv)
{
	const struct sigaction stop = { .sa_handler = on_signal };
	struct run run = { .listener = -1, .started = now_ns() };
	const struct tally *tally = &run.tally;
	enum outcome outcome;

	options_parse(&run.options, argc, argv);
	srandom(run.options.seed);
	sigaction(SIGTERM, &stop, NULL);
	sigaction(SIGINT, &stop, NULL);
	if (!run.options.host) {
		run.listener = exchange_listen(run.options.port);
		if (run.listener < 0) {
			fprintf(stderr, "traffic: listen on port %s: %s\n",
				run.options.port, strerror(errno));
			return 1;
		}
	}
	outcome = run_all(&run);
	device_close(&run.device);
	if (run.listener >= 0)
		close(run.listener);
	tally_print(tally, run.options.host ? "client" : "server", outcome == RUN_ENDED);
	if (tally->corrupt || !tally->bytes)
		return 1;
	return run.options.reconnect || (!tally->errors && outcome == RUN_ENDED) ? 0 : 1;
}
