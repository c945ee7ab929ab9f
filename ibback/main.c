// SPDX-License-Identifier: GPL-2.0-or-later
/* ibback: the backend of vib devices. */
#include <argp.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <uv.h>

#include "config.h"
#include "control/backend.h"
#include "engine/engine.h"
#include "log.h"

const char *argp_program_version = "ibback " VIB_VERSION;

#define DEFAULT_CONFIG "/etc/xen-ib/ibback.conf"

struct options {
	const char *config;
	enum log_level level;
};

static const struct argp_option option_table[] = {
	{ "config", 'c', "FILE", 0, "Read FILE instead of " DEFAULT_CONFIG, 0 },
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
	case 'v':
		options->level = LOG_LEVEL_DEBUG;
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
	.doc = "Serve the vib devices of Xen guests. Stays in the foreground and logs to "
	       "standard error.",
};

static void on_signal(uv_signal_t *handle, int signum)
{
	log_info("ending on signal %d", signum);
	uv_stop(handle->loop);
}

/* Run until a signal or the loss of Xen. Returns the exit status. */
static int serve(uv_loop_t *loop, struct xenport *xp, struct fabric_table *fabrics,
		 struct engine *engine, unsigned int xen)
{
	struct backend backend;
	uv_signal_t term, intr;

	uv_signal_init(loop, &term);
	uv_signal_init(loop, &intr);
	uv_signal_start(&term, on_signal, SIGTERM);
	uv_signal_start(&intr, on_signal, SIGINT);
	if (backend_start(&backend, loop, xp, fabrics, engine, xen) < 0)
		return EXIT_FAILURE;
	log_info("serving %s", backend.root);

	uv_run(loop, UV_RUN_DEFAULT);

	backend_stop(&backend);
	uv_close((uv_handle_t *)&term, NULL);
	uv_close((uv_handle_t *)&intr, NULL);
	uv_run(loop, UV_RUN_DEFAULT); /* lets the closing handles close */
	return backend.failed ? EXIT_FAILURE : EXIT_SUCCESS;
}

/* The engine as the configuration wants it, for guests of @xp; it runs. */
static struct engine *start_engine(const struct config *config, struct xenport *xp,
				   unsigned int *xen)
{
	struct engine *engine = engine_new(config->pollers, config->poll);
	int number;

	if (!engine)
		return NULL;
	engine_set_spin(engine, config->spin_us * 1000ull);
	number = engine_add_xen(engine, xp);
	if (number >= 0 &&
	    engine_start(engine, config->num_cpus ? config->cpus : NULL) == 0) {
		*xen = (unsigned int)number;
		return engine;
	}
	engine_free(engine);
	return NULL;
}

int main(int argc, char **argv)
{
	struct options options = { .config = DEFAULT_CONFIG, .level = LOG_LEVEL_INFO };
	struct fabric_table fabrics;
	struct config config;
	struct engine *engine;
	struct xenport *xp;
	unsigned int xen;
	uv_loop_t loop;
	int status;

	argp_err_exit_status = 2;
	argp_parse(&argp, argc, argv, 0, NULL, &options);
	log_open("ibback", options.level);

	fabric_table_init(&fabrics);
	config_defaults(&config, &fabrics);
	if (!fabric_add(&fabrics, "local") || config_read(options.config, &config) < 0) {
		fabric_table_free(&fabrics);
		return EXIT_FAILURE;
	}
	xp = xenport_open_xen(XENPORT_STORE | XENPORT_GRANTS | XENPORT_EVENTS);
	if (!xp) {
		log_err("cannot reach Xen: %s (needs root in Dom0 or a driver domain)",
			strerror(errno));
		fabric_table_free(&fabrics);
		return EXIT_FAILURE;
	}
	rcu_register_thread(); /* the control thread reads the engine's tables too */
	engine = start_engine(&config, xp, &xen);
	if (!engine) {
		log_err("cannot start the engine: %s", strerror(errno));
		xenport_close(xp);
		fabric_table_free(&fabrics);
		return EXIT_FAILURE;
	}
	uv_loop_init(&loop);
	status = serve(&loop, xp, &fabrics, engine, xen);
	engine_free(engine);
	rcu_unregister_thread();
	xenport_close(xp);
	fabric_table_free(&fabrics);
	uv_loop_close(&loop);
	return status;
}
