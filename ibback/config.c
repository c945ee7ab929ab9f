// SPDX-License-Identifier: GPL-2.0-or-later
#include "config.h"

#include <errno.h>
#include <sched.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include <ini.h>
#include <xen-ib/xenstore.h>

#include "control/vport.h"
#include "log.h"
#include "schema/schema.h"

#define MAX_SPIN_US 1000000

enum { KEY_POLLERS, KEY_CPUS, KEY_POLL, KEY_SPIN, KEYS };

static const char *const keys[KEYS] = { "pollers", "cpus", "poll", "spin" };

struct reader {
	const char *path;
	FILE *file;
	struct config *config;
	unsigned int line;
	bool seen[KEYS];
	bool refused;
	unsigned int wrong; /* the line that is refused, and why */
	char why[512];
};

static bool refuse(struct reader *r, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));

/* Note what is wrong where the reader is, if nothing was before; false. */
static bool refuse(struct reader *r, const char *fmt, ...)
{
	va_list ap;

	if (r->refused)
		return false;
	va_start(ap, fmt);
	vsnprintf(r->why, sizeof(r->why), fmt, ap);
	va_end(ap);
	r->wrong = r->line;
	r->refused = true;
	return false;
}

void config_defaults(struct config *config, struct fabric_table *fabrics)
{
	*config = (struct config){
		.fabrics = fabrics,
		.pollers = 1,
		.poll = POLL_ADAPTIVE,
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
	struct fabric_table *fabrics = r->config->fabrics;

	if (!is_fabric_name(fabric))
		return refuse(r, "[fabric %s]: want a NAME as in vib's fabric= key",
			      fabric);
	if (strcmp(name, "type") != 0)
		return refuse(r, "[fabric %s] %s: the only key is 'type'", fabric, name);
	if (strcmp(value, "local") != 0)
		return refuse(r, "[fabric %s] type=%s: want 'local'", fabric, value);
	/* The one that exists anyway may be named. */
	if (strcmp(fabric, "local") != 0 && fabric_find(fabrics, fabric))
		return refuse(r, "[fabric %s] type is given twice; want it once", fabric);
	if (!fabric_add(fabrics, fabric))
		return refuse(r, "[fabric %s]: %s", fabric, strerror(errno));
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
	char list[256], *rest = list, *item;
	unsigned int cpu;

	config->num_cpus = 0;
	if (strlen(value) >= sizeof(list))
		return false;
	strcpy(list, value);
	while ((item = strsep(&rest, ","))) {
		item += strspn(item, " \t");
		item[strcspn(item, " \t")] = '\0';
		if (config->num_cpus == MAX_POLLERS ||
		    !parse_number(item, 0, CPU_SETSIZE - 1, &cpu))
			return false;
		config->cpus[config->num_cpus++] = (int)cpu;
	}
	return true;
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
	unsigned int key;
	bool ok;

	for (key = 0; key < KEYS && strcmp(name, keys[key]) != 0; key++)
		;
	if (key < KEYS && r->seen[key])
		return refuse(r, "[engine] %s is given twice, or continued; want it once",
			      name);
	switch (key) {
	case KEY_POLLERS:
		ok = parse_number(value, 1, MAX_POLLERS, &config->pollers);
		want = "a number from 1 to 64";
		break;
	case KEY_CPUS:
		ok = parse_cpus(value, config);
		want = "processors' numbers, from 0 to 1023, joined by ','; at most 64";
		break;
	case KEY_POLL:
		ok = parse_poll(value, &config->poll);
		want = "'adaptive', 'always' or 'never'";
		break;
	case KEY_SPIN:
		ok = parse_number(value, 0, MAX_SPIN_US, &config->spin_us);
		want = "microseconds, a number from 0 to 1000000";
		break;
	default:
		return refuse(r,
			      "[engine] %s: the keys are 'pollers', 'cpus', 'poll' and "
			      "'spin'",
			      name);
	}
	r->seen[key] = true;
	r->config->spin_given |= key == KEY_SPIN;
	return ok || refuse(r, "[engine] %s=%s: want %s", name, value, want);
}

/* ---- [admin] ----------------------------------------------------------- */

static bool admin_entry(struct reader *r, const char *name, const char *value)
{
	struct config *config = r->config;
	size_t length = strlen(value);

	if (strcmp(name, "socket") != 0)
		return refuse(r, "[admin] %s: the only key is 'socket'", name);
	if (config->socket[0])
		return refuse(
			r, "[admin] socket is given twice, or continued; want it once");
	if (strcmp(value, "none") != 0 &&
	    (value[0] != '/' || length >= sizeof(config->socket)))
		return refuse(r,
			      "[admin] socket=%s: want an absolute path of at most 107 "
			      "characters, or 'none'",
			      value);
	memcpy(config->socket, value, length + 1);
	return true;
}

/* ---- the file ---------------------------------------------------------- */

_Static_assert(SOCKET_PATH_MAX == 108 && MAX_POLLERS == 64 && CPU_SETSIZE == 1024 &&
		       MAX_SPIN_US == 1000000,
	       "the messages say so");

/* inih's callback: returns 1 to go on, 0 to make this line the error. */
static int on_entry(void *user, const char *section, const char *name, const char *value)
{
	struct reader *r = user;
	static const char prefix[] = "fabric ";

	if (strncmp(section, prefix, strlen(prefix)) == 0)
		return fabric_entry(r, section + strlen(prefix), name, value);
	if (strcmp(section, "engine") == 0)
		return engine_entry(r, name, value);
	if (strcmp(section, "admin") == 0)
		return admin_entry(r, name, value);
	return refuse(
		r, "%s: it is in section [%s]; want [fabric NAME], [engine] or [admin]",
		name, section);
}

/*
 * inih's reader, as fgets() would be: it takes what does not fit for another line,
 * and what is behind a NUL for none, so neither may be.
 */
static char *next_line(char *line, int size, void *user)
{
	struct reader *r = user;
	int c = 0, n = 0;

	if (r->refused)
		return NULL;
	r->line++;
	while (n < size - 1 && c != '\n' && (c = getc(r->file)) != EOF) {
		if (c == '\0') {
			refuse(r, "there is a NUL in it; want text");
			return NULL;
		}
		line[n++] = (char)c;
	}
	if (ferror(r->file)) {
		refuse(r, "%s", strerror(errno));
		return NULL;
	}
	if (n == size - 1 && c != '\n' && !feof(r->file)) {
		refuse(r, "the line is longer than %d characters", size - 2);
		return NULL;
	}
	line[n] = '\0';
	return n ? line : NULL;
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

int config_read(const char *path, bool required, struct config *config)
{
	struct reader r = { .path = path, .config = config };
	int line;

	r.file = fopen(path, "r");
	if (!r.file) {
		if (errno == ENOENT && !required)
			return 0;
		log_err("%s: %s", path, strerror(errno));
		return -1;
	}
	line = ini_parse_stream(next_line, &r, on_entry, &r);
	fclose(r.file);
	if (line < 0) {
		log_err("%s: out of memory", path);
		return -1;
	}
	/* The first line that is no line of such a file at all. */
	if (line > 0 && (!r.refused || (unsigned int)line < r.wrong)) {
		r.refused = false;
		r.line = (unsigned int)line;
		refuse(&r, "want [fabric NAME], [engine], [admin] or KEY = VALUE");
	}
	if (!r.refused)
		return check_whole(path, config);
	log_err("%s:%u: %s", path, r.wrong, r.why);
	return -1;
}
