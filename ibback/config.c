// SPDX-License-Identifier: GPL-2.0-or-later
#include "config.h"

#include <errno.h>
#include <sched.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include <ini.h>
#include <xen-ib/xenstore.h>

#include "control/vport.h"
#include "engine/poller_thread.h"
#include "log.h"
#include "schema/schema.h"

#define MAX_SPIN_US 1000000

struct reader {
	const char *path;
	struct config *config;
	bool refused; /* and said why */
};

void config_defaults(struct config *config, struct fabric_table *fabrics)
{
	*config = (struct config){
		.fabrics = fabrics,
		.pollers = 1,
		.poll = POLL_ADAPTIVE,
		.spin_us = DEFAULT_SPIN_NS / 1000,
	};
}

/* ---- [fabric NAME] ----------------------------------------------------- */

static bool is_fabric_name(const char *name)
{
	char why[WHY_MAX];

	return schema_check(SCHEMA_BACKEND, VIB_BE_FABRIC, name, why, sizeof(why)) == 0;
}

static bool fabric_entry(struct reader *r, const char *fabric, const char *name,
			 const char *value)
{
	if (!is_fabric_name(fabric)) {
		log_err("%s: section [fabric %s]: want a NAME as in vib's fabric= key",
			r->path, fabric);
		return false;
	}
	if (strcmp(name, "type") != 0) {
		log_err("%s: [fabric %s] %s: the only key is 'type'", r->path, fabric,
			name);
		return false;
	}
	if (strcmp(value, "local") != 0) {
		log_err("%s: [fabric %s] type=%s: want 'local'", r->path, fabric, value);
		return false;
	}
	if (!fabric_add(r->config->fabrics, fabric)) {
		log_err("%s: [fabric %s]: %s", r->path, fabric, strerror(errno));
		return false;
	}
	return true;
}

/* ---- [engine] ---------------------------------------------------------- */

static bool parse_number(const char *value, unsigned int min, unsigned int max,
			 unsigned int *number)
{
	uint64_t parsed;

	if (schema_parse_uint(value, min, max, &parsed, NULL) < 0)
		return false;
	*number = (unsigned int)parsed;
	return true;
}

static bool parse_cpus(const char *value, struct config *config)
{
	char list[256], *save, *item;
	unsigned int cpu;

	config->num_cpus = 0;
	if (strlen(value) >= sizeof(list))
		return false;
	strcpy(list, value);
	for (item = strtok_r(list, ", ", &save); item;
	     item = strtok_r(NULL, ", ", &save)) {
		if (config->num_cpus == MAX_POLLERS ||
		    !parse_number(item, 0, CPU_SETSIZE - 1, &cpu))
			return false;
		config->cpus[config->num_cpus++] = (int)cpu;
	}
	return config->num_cpus > 0;
}

static bool parse_poll(const char *value, enum poll_mode *poll)
{
	static const char *const names[] = {
		[POLL_ADAPTIVE] = "adaptive",
		[POLL_ALWAYS] = "always",
		[POLL_NEVER] = "never",
	};

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (strcmp(value, names[i]) == 0) {
			*poll = (enum poll_mode)i;
			return true;
		}
	return false;
}

static bool engine_entry(struct reader *r, const char *name, const char *value)
{
	struct config *config = r->config;
	const char *want;
	bool ok;

	if (strcmp(name, "pollers") == 0) {
		ok = parse_number(value, 1, MAX_POLLERS, &config->pollers);
		want = "a number from 1 to 64";
	} else if (strcmp(name, "cpus") == 0) {
		ok = parse_cpus(value, config);
		want = "processors' numbers, joined by ','";
	} else if (strcmp(name, "poll") == 0) {
		ok = parse_poll(value, &config->poll);
		want = "'adaptive', 'always' or 'never'";
	} else if (strcmp(name, "spin") == 0) {
		ok = parse_number(value, 0, MAX_SPIN_US, &config->spin_us);
		want = "microseconds, at most 1000000";
	} else {
		log_err("%s: [engine] %s: the keys are 'pollers', 'cpus', 'poll' and "
			"'spin'",
			r->path, name);
		return false;
	}
	if (!ok)
		log_err("%s: [engine] %s=%s: want %s", r->path, name, value, want);
	return ok;
}

/* ---- the file ---------------------------------------------------------- */

/* inih's callback: returns 1 to go on, 0 to make this line the error. */
static int on_entry(void *user, const char *section, const char *name, const char *value)
{
	struct reader *r = user;
	static const char prefix[] = "fabric ";
	bool ok = false;

	if (r->refused)
		return 1; /* one message is enough */
	if (strncmp(section, prefix, strlen(prefix)) == 0)
		ok = fabric_entry(r, section + strlen(prefix), name, value);
	else if (strcmp(section, "engine") == 0)
		ok = engine_entry(r, name, value);
	else
		log_err("%s: section [%s]: want [fabric NAME] or [engine]", r->path,
			section);
	r->refused = !ok;
	return ok;
}

/* What no single line can show. */
static int check_whole(const char *path, const struct config *config)
{
	if (config->num_cpus && config->num_cpus != config->pollers) {
		log_err("%s: [engine] %u pollers and %u cpus: want a processor for each "
			"poller, or no 'cpus'",
			path, config->pollers, config->num_cpus);
		return -1;
	}
	return 0;
}

int config_read(const char *path, struct config *config)
{
	struct reader r = { .path = path, .config = config };
	FILE *f = fopen(path, "r");
	int line;

	if (!f) {
		if (errno == ENOENT)
			return 0;
		log_err("%s: %s", path, strerror(errno));
		return -1;
	}
	line = ini_parse_file(f, on_entry, &r);
	fclose(f);
	if (line == 0)
		return check_whole(path, config);
	log_err("%s:%d: cannot be used; see ibback(8)", path, line);
	return -1;
}
