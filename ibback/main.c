// SPDX-License-Identifier: GPL-2.0-or-later
/* ibback: the backend of vib devices. */
#include <argp.h>
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include <uv.h>

#include "config.h"
#include "control/admin.h"
#include "control/answers.h"
#include "control/backend.h"
#include "control/subnets.h"
#include "control/threads.h"
#include "control/wires.h"
#include "control/worker.h"
#include "crash_keeper.h"
#include "engine/engine.h"
#include "engine/spin.h"
#include "log.h"
#include "pressure.h"

const char *argp_program_version = "ibback " VIB_VERSION;

#define DEFAULT_CONFIG "/etc/xen-ib/ibback.conf"
#define DEFAULT_SOCKET "/run/xen-ib/ibback.sock"
#define NETDEV_RECORD  "/run/xen-ib/netdevs"

struct options {
	const char *config; /* NULL: the default, which need not exist */
	const char *local;  /* the socket of local front ends; NULL: none */
	bool no_xen;
	enum log_level level;
};

/* Options without a short form. */
enum { KEY_LOCAL = 256, KEY_NO_XEN };

static const struct argp_option option_table[] = {
	{ "config", 'c', "FILE", 0, "Read FILE instead of " DEFAULT_CONFIG, 0 },
	{ "local", KEY_LOCAL, "SOCKET", 0, "Serve local front ends at SOCKET too", 0 },
	{ "no-xen", KEY_NO_XEN, NULL, 0, "With --local: serve no guests of Xen", 0 },
	{ "verbose", 'v', NULL, 0, "Log debugging lines too", 0 },
	{ 0 },
};

static error_t parse_option(int key, char *arg, struct argp_state *state)
{
	struct options *options = state->input;

	switch (key) {
	case 'c':
		options->config = arg;
		return 0;
	case KEY_LOCAL:
		options->local = arg;
		return 0;
	case KEY_NO_XEN:
		options->no_xen = true;
		return 0;
	case 'v':
		options->level = LOG_LEVEL_DEBUG;
		return 0;
	case ARGP_KEY_END:
		if (options->no_xen && !options->local)
			argp_error(state, "--no-xen: --local=SOCKET is missing, there is "
					  "nothing to serve");
		return 0;
	case ARGP_KEY_ARG:
		argp_error(state, "'%s': ibback takes options only", arg);
		return EINVAL;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

static const struct argp argp = {
	.options = option_table,
	.parser = parse_option,
	.doc = "Serve the vib devices of Xen guests, and of processes of this machine. "
	       "Stays in the foreground and logs to "
	       "standard error.",
};

/* One Xen that is served. */
struct service {
	struct xenport *xp;
	const char *label;   /* of its guests' log lines */
	unsigned int number; /* the engine's */
	struct backend backend;
};

/* The real one, and that of local front ends. */
#define MAX_SERVICES 2

struct daemon {
	struct config config;
	struct fabric_table fabrics;
	struct subnets *subnets;
	struct wires *wires;
	struct service services[MAX_SERVICES];
	unsigned int num_services;
	unsigned int num_started;               /* whose backends run */
	struct backend *backends[MAX_SERVICES]; /* those that run */
	struct admin_source source;
	struct admin *admin;
	struct engine *engine;
	uv_loop_t loop;
	struct worker worker;
	struct threads threads;
	struct worker waiter; /* for what waits for HCAs and the kernel's network */
	uv_signal_t term, intr;
	struct crash_keeper keeper;
	uv_poll_t keeper_end;
	bool ending;
};

/* ---- what is served ---------------------------------------------------- */

static int add_service(struct daemon *d, struct xenport *xp, const char *label)
{
	if (!xp)
		return -1;
	d->services[d->num_services].label = label;
	d->services[d->num_services++].xp = xp;
	return 0;
}

/* A local front end's memory and channels each are descriptors of ours. */
static void raise_descriptor_limit(void)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) < 0)
		return;
	limit.rlim_cur = limit.rlim_max;
	(void)setrlimit(RLIMIT_NOFILE, &limit);
}

static int open_services(struct daemon *d, const struct options *options)
{
	if (!options->no_xen &&
	    add_service(d,
			xenport_open_xen(XENPORT_STORE | XENPORT_GRANTS | XENPORT_EVENTS),
			"") < 0) {
		log_err("cannot reach Xen: %s (needs root in Dom0 or a driver domain)",
			strerror(errno));
		return -1;
	}
	if (!options->local)
		return 0;
	raise_descriptor_limit();
	if (add_service(d, xenport_open_local(options->local), "local ") < 0) {
		log_err("--local=%s: %s", options->local, strerror(errno));
		return -1;
	}
	return 0;
}

static void close_services(struct daemon *d)
{
	while (d->num_services)
		xenport_close(d->services[--d->num_services].xp);
}

/* ---- the engine -------------------------------------------------------- */

static void set_spin(struct daemon *d)
{
	struct spin spin;
	uint64_t wake;

	if (d->config.spin_given) {
		spin_fix(&spin, d->config.spin_us * 1000ull);
	} else {
		wake = spin_measure_wake();
		spin_for_wake(&spin, wake);
		if (d->config.poll == POLL_ADAPTIVE)
			log_info("a wake-up takes %" PRIu64
				 " us here: pollers spin for %" PRIu64 " to %" PRIu64
				 " us before they sleep",
				 wake / 1000, spin.least / 1000, spin.most / 1000);
	}
	engine_set_spin(d->engine, &spin);
}

static int run_engine(struct daemon *d)
{
	for (unsigned int i = 0; i < d->num_services; i++) {
		int number = engine_add_xen(d->engine, d->services[i].xp);

		if (number < 0)
			return -1;
		d->services[i].number = (unsigned int)number;
	}
	set_spin(d);
	return engine_start(d->engine, d->config.num_cpus ? d->config.cpus : NULL);
}

/* The engine as the configuration wants it; it runs. */
static int start_engine(struct daemon *d)
{
	d->engine = engine_new(d->config.pollers, d->config.poll);
	if (d->engine && run_engine(d) == 0)
		return 0;
	log_err("cannot start the engine: %s", strerror(errno));
	if (d->engine)
		engine_free(d->engine);
	return -1;
}

/* ---- the loop ---------------------------------------------------------- */

/* Whoever has no patience for much that is mapped leaves it to the kernel. */
static void on_signal(uv_signal_t *handle, int signum)
{
	struct daemon *d = handle->data;

	if (d->ending) {
		log_info("ending at once on signal %d", signum);
		_exit(EXIT_FAILURE);
	}
	d->ending = true;
	log_info("ending on signal %d", signum);
	uv_stop(handle->loop);
}

static void watch_signal(struct daemon *d, uv_signal_t *handle, int signum)
{
	uv_signal_init(&d->loop, handle);
	handle->data = d;
	uv_signal_start(handle, on_signal, signum);
}

/* Somebody killed it; guests are served all the same. */
static void on_keeper_end(uv_poll_t *handle, int status, int events)
{
	(void)status;
	(void)events;
	log_err("the crash keeper was killed: if ibback is killed too, this kernel "
		"complains "
		"of what an HCA has registered; restart ibback for another one");
	uv_poll_stop(handle);
}

static void watch_keeper(struct daemon *d)
{
	if (!d->keeper.pid)
		return;
	uv_poll_init(&d->loop, &d->keeper_end, d->keeper.fd);
	uv_poll_start(&d->keeper_end, UV_READABLE, on_keeper_end);
	uv_unref((uv_handle_t *)&d->keeper_end);
}

static int start_backends(struct daemon *d)
{
	while (d->num_started < d->num_services) {
		struct service *s = &d->services[d->num_started];

		if (backend_start(&s->backend, &d->loop, s->xp, &d->fabrics, d->engine,
				  s->number, &d->worker.jobs, s->label) < 0)
			return -1;
		backend_use_hcas(&s->backend, &d->threads.jobs);
		backend_take_mads(&s->backend, subnets_taker(d->subnets));
		d->num_started++;
	}
	return 0;
}

/* Where no socket can be, guests are served all the same. */
static void start_admin(struct daemon *d, const struct options *options)
{
	const char *path = d->config.socket;

	/* A daemon without Xen is one of many, and has a socket only if it is told where.
	 */
	if (!path[0] && !options->no_xen)
		path = DEFAULT_SOCKET;
	if (!path[0] || !strcmp(path, "none"))
		return;
	for (unsigned int i = 0; i < d->num_started; i++)
		d->backends[i] = &d->services[i].backend;
	d->source = (struct admin_source){ d->backends, d->num_started, &d->fabrics,
					   d->wires };
	d->admin = admin_start(&d->loop, path, admin_answer_request, &d->source);
	if (!d->admin)
		log_err("cannot listen at %s: %s; neither 'vibctl stats' nor 'vibctl "
			"fabric' works",
			path, strerror(errno));
}

/* By a signal, or as a Xen is lost. */
static bool is_ending(const struct daemon *d)
{
	for (unsigned int i = 0; i < d->num_started; i++)
		if (d->services[i].backend.failed)
			return true;
	return d->ending;
}

/* Run until a signal or the loss of a Xen. Returns the exit status. */
static int serve(struct daemon *d, const struct options *options)
{
	int status = EXIT_FAILURE;

	uv_loop_init(&d->loop);
	if (threads_init(&d->threads, &d->loop) < 0) {
		log_err("cannot start a thread: %s", strerror(errno));
		uv_loop_close(&d->loop);
		return EXIT_FAILURE;
	}
	worker_init(&d->worker, &d->loop);
	worker_init(&d->waiter, &d->loop);
	watch_signal(d, &d->term, SIGTERM);
	watch_signal(d, &d->intr, SIGINT);
	watch_keeper(d);
	d->subnets = subnets_start(&d->fabrics, d->engine, &d->loop);
	if (!d->subnets)
		log_err("cannot serve subnets: %s", strerror(errno));
	/* A daemon without Xen is one of many. */
	d->wires = wires_start(&d->fabrics, &d->loop, &d->waiter.jobs,
			       options->no_xen ? NULL : NETDEV_RECORD);
	if (!d->wires)
		log_err("cannot serve wires: %s", strerror(errno));
	else
		wires_watch_groups(d->wires, &d->engine->mcast);
	if (d->subnets && d->wires && start_backends(d) == 0) {
		if (!options->no_xen)
			log_info("serving %s", d->services[0].backend.root);
		if (options->local)
			log_info("serving local front ends at %s", options->local);
		/* Who waits for the socket (hold-ib_cm) waits for the claims. */
		while (!is_ending(d) && !wires_looked(d->wires))
			uv_run(&d->loop, UV_RUN_ONCE);
		start_admin(d, options);
		if (!is_ending(d))
			uv_run(&d->loop, UV_RUN_DEFAULT);
		status = EXIT_SUCCESS;
	}
	admin_stop(d->admin);
	while (d->num_started) {
		struct backend *backend = &d->services[--d->num_started].backend;

		if (backend->failed)
			status = EXIT_FAILURE;
		backend_stop(backend);
	}
	/* They do not keep the loop, which unmaps what is mapped still. */
	uv_unref((uv_handle_t *)&d->term);
	uv_unref((uv_handle_t *)&d->intr);
	uv_run(&d->loop, UV_RUN_DEFAULT);
	wires_stop(d->wires);
	subnets_stop(d->subnets);
	threads_stop(&d->threads);
	uv_close((uv_handle_t *)&d->term, NULL);
	uv_close((uv_handle_t *)&d->intr, NULL);
	if (d->keeper.pid)
		uv_close((uv_handle_t *)&d->keeper_end, NULL);
	uv_run(&d->loop, UV_RUN_DEFAULT); /* lets the closing handles close */
	uv_loop_close(&d->loop);
	return status;
}

/* Serve, and leave nothing mapped. Returns the exit status. */
static int serve_kept(struct daemon *d, const struct options *options)
{
	int status = EXIT_FAILURE;

	rcu_register_thread(); /* the control thread reads the engine's tables too */
	if (open_services(d, options) == 0 && start_engine(d) == 0) {
		status = serve(d, options);
		engine_free(d->engine);
	}
	close_services(d);
	rcu_unregister_thread();
	return status;
}

static int run(struct daemon *d, const struct options *options)
{
	int status;

	if (!fabric_add(&d->fabrics, "local") ||
	    config_read(options->config ? options->config : DEFAULT_CONFIG,
			options->config != NULL, &d->config) < 0)
		return EXIT_FAILURE;
	/* Without Xen there is no vib of this machine's kernel. */
	if (!options->no_xen)
		pressure_prepare(OOM_FILE);
	/* Without an HCA nothing is registered. */
	if (fabric_table_wired(&d->fabrics) &&
	    crash_keeper_start(&d->keeper, HCA_FILES) < 0) {
		log_err("cannot start the crash keeper: %s", strerror(errno));
		return EXIT_FAILURE;
	}
	status = serve_kept(d, options);
	crash_keeper_stop(&d->keeper);
	return status;
}

int main(int argc, char **argv)
{
	static struct daemon d;
	struct options options = { .level = LOG_LEVEL_INFO };
	int status;

	argp_err_exit_status = 2;
	argp_parse(&argp, argc, argv, 0, NULL, &options);
	log_open("ibback", options.level);

	fabric_table_init(&d.fabrics);
	config_defaults(&d.config, &d.fabrics);
	status = run(&d, &options);
	fabric_table_free(&d.fabrics);
	return status;
}
