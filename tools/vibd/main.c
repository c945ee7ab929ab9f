// SPDX-License-Identifier: GPL-2.0-or-later
/* vibd: gives Xen domains the vibs that their configs ask for. */
#include <argp.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <uv.h>

#include "keeper.h"
#include "log.h"

const char *argp_program_version = "vibd (xen-ib) " VIB_VERSION;

enum {
	STEP_MS = 1000,
	SWEEP_MS = 60000,
	PULSE_MS = 10000,
	/* A domain can make xenstore busy; other handles get their turn too. */
	EVENTS_AT_ONCE = 256,
};

struct vibd {
	uv_loop_t loop;
	uv_poll_t store;
	uv_timer_t step, sweep, pulse;
	uv_signal_t term, interrupt;
	struct keeper keeper;
	int status;
};

static void stop(struct vibd *d, int status)
{
	d->status = status;
	uv_stop(&d->loop);
}

static void on_signal(uv_signal_t *handle, int signum)
{
	log_info("%s: ending; vibs stay as they are", strsignal(signum));
	stop(handle->data, EXIT_SUCCESS);
}

static void run_step(struct vibd *d);

static void on_step(uv_timer_t *timer)
{
	run_step(timer->data);
}

/* The timer runs only while something waits. */
static void run_step(struct vibd *d)
{
	if (keeper_step(&d->keeper))
		uv_timer_start(&d->step, on_step, STEP_MS, 0);
}

static void on_sweep(uv_timer_t *timer)
{
	struct vibd *d = timer->data;

	keeper_sweep(&d->keeper);
	run_step(d);
}

static void store_lost(struct vibd *d)
{
	log_err("the connection to xenstore is lost: ending");
	stop(d, EXIT_FAILURE);
}

/* libxenstore's thread may find the connection closed without its descriptor
 * showing it (4.17 does): only a request tells.
 */
static void on_pulse(uv_timer_t *timer)
{
	struct vibd *d = timer->data;
	char value[XENPORT_VALUE_MAX + 1];

	if (xenport_read(d->keeper.xp, XENPORT_NO_TRANSACTION, "/", value,
			 sizeof(value)) < 0 &&
	    errno != ENOENT)
		store_lost(d);
}

/* Take waiting events, and note which kinds they are. -1: no xenstore. */
static int take_events(struct vibd *d, bool *introduced, bool *released)
{
	char path[XENPORT_PATH_MAX], token[32];
	int n = 0, rc = 0;

	while (n++ < EVENTS_AT_ONCE &&
	       (rc = xenport_next_watch(d->keeper.xp, path, sizeof(path), token,
					sizeof(token))) > 0) {
		if (!strcmp(token, "introduce"))
			*introduced = true;
		else if (!strcmp(token, "release"))
			*released = true;
	}
	return rc < 0 ? -1 : 0;
}

static void on_store(uv_poll_t *poll, int status, int events)
{
	bool introduced = false, released = false;
	struct vibd *d = poll->data;

	(void)events;
	if (status < 0 || take_events(d, &introduced, &released) < 0) {
		store_lost(d);
		return;
	}
	/* An xl may end within a second: what it was told comes first. */
	if (introduced)
		keeper_introduced(&d->keeper);
	if (released)
		keeper_released(&d->keeper);
	run_step(d);
}

static int start_handles(struct vibd *d)
{
	int rc;

	d->store.data = d->step.data = d->sweep.data = d;
	d->pulse.data = d->term.data = d->interrupt.data = d;
	if ((rc = uv_timer_init(&d->loop, &d->step)) ||
	    (rc = uv_timer_init(&d->loop, &d->sweep)) ||
	    (rc = uv_timer_init(&d->loop, &d->pulse)) ||
	    (rc = uv_signal_init(&d->loop, &d->term)) ||
	    (rc = uv_signal_init(&d->loop, &d->interrupt)) ||
	    (rc = uv_poll_init(&d->loop, &d->store, xenport_store_fd(d->keeper.xp))) ||
	    (rc = uv_timer_start(&d->sweep, on_sweep, SWEEP_MS, SWEEP_MS)) ||
	    (rc = uv_timer_start(&d->pulse, on_pulse, PULSE_MS, PULSE_MS)) ||
	    (rc = uv_signal_start(&d->term, on_signal, SIGTERM)) ||
	    (rc = uv_signal_start(&d->interrupt, on_signal, SIGINT)) ||
	    (rc = uv_poll_start(&d->store, UV_READABLE, on_store))) {
		log_err("cannot start: %s", uv_strerror(rc));
		return -1;
	}
	/* Both fire at once: that is how what is there already is found. */
	if (xenport_watch(d->keeper.xp, "@introduceDomain", "introduce") < 0 ||
	    xenport_watch(d->keeper.xp, "@releaseDomain", "release") < 0) {
		log_err("cannot watch for domains: %s", strerror(errno));
		return -1;
	}
	return 0;
}

static void close_handle(uv_handle_t *handle, void *unused)
{
	(void)unused;
	if (!uv_is_closing(handle))
		uv_close(handle, NULL);
}

static int run(struct vibd *d)
{
	int rc = uv_loop_init(&d->loop);

	if (rc) {
		log_err("cannot start: %s", uv_strerror(rc));
		return EXIT_FAILURE;
	}
	if (start_handles(d) < 0) {
		d->status = EXIT_FAILURE;
	} else {
		log_info("version " VIB_VERSION " ready");
		uv_run(&d->loop, UV_RUN_DEFAULT);
	}
	uv_walk(&d->loop, close_handle, NULL);
	uv_run(&d->loop, UV_RUN_DEFAULT);
	uv_loop_close(&d->loop);
	return d->status;
}

static error_t parse_option(int key, char *arg, struct argp_state *state)
{
	enum log_level *level = state->input;

	(void)arg;
	switch (key) {
	case 'v':
		*level = LOG_LEVEL_DEBUG;
		return 0;
	case ARGP_KEY_ARG:
		argp_usage(state);
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

int main(int argc, char **argv)
{
	static const struct argp_option options[] = {
		{ "verbose", 'v', NULL, 0, "Log more", 0 },
		{ NULL, 0, NULL, 0, NULL, 0 },
	};
	static const struct argp argp = {
		.options = options,
		.parser = parse_option,
		.doc = "Give Xen domains the InfiniBand devices (vibs) that their configs"
		       " ask for.\vRuns in the foreground and logs to stderr."
		       " See vibd(8) and xl-vib(5).",
	};
	static struct vibd vibd;
	enum log_level level = LOG_LEVEL_INFO;
	struct xenport *xp;
	struct dirs dirs;
	int status;

	argp_err_exit_status = 2;
	argp_parse(&argp, argc, argv, 0, NULL, &level);
	log_open("vibd", level);

	xp = xenport_open_xen(XENPORT_STORE);
	if (!xp) {
		log_err("cannot reach xenstore: %s; vibd runs as root where xl does",
			strerror(errno));
		return EXIT_FAILURE;
	}
	dirs_from_environment(&dirs);
	keeper_init(&vibd.keeper, xp, &dirs);
	status = run(&vibd);
	keeper_free(&vibd.keeper);
	xenport_close(xp);
	return status;
}
