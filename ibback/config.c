// SPDX-License-Identifier: GPL-2.0-or-later
#include "config.h"

#include <errno.h>
#include <sched.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>

#include <ini.h>
#include <xen-ib/xenstore.h>

#include "control/vport.h"
#include "log.h"
#include "schema/schema.h"

#define MAX_SPIN_US 1000000
#define MAX_HCA_MEM 65536 /* MiB; more would be a slip of the pen, too */

enum { KEY_POLLERS, KEY_CPUS, KEY_POLL, KEY_SPIN, KEYS };

static const char *const keys[KEYS] = { "pollers", "cpus", "poll", "spin" };

enum {
	FABRIC_TYPE,
	FABRIC_DEVICE,
	FABRIC_PORT,
	FABRIC_NETDEV,
	FABRIC_ADDRESSING,
	FABRIC_MAX_HCA_MEM,
	FABRIC_FAST_REGISTRATION,
	FABRIC_KEYS
};

static const char *const fabric_keys[FABRIC_KEYS] = {
	"type",        "device",           "port", "netdev", "addressing",
	"max_hca_mem", "fast_registration"
};

/* What the file says of a fabric. */
struct fabric_text {
	char name[FABRIC_NAME_MAX];
	unsigned int lines[FABRIC_KEYS]; /* where; 0: nowhere */
	enum fabric_kind kind;
	char device[FABRIC_DEVICE_MAX];
	unsigned int port;
	char netdev[FABRIC_NETDEV_MAX];
	enum gsi_addressing addressing;
	unsigned int max_hca_mem;
	enum fabric_frwr frwr;
	STAILQ_ENTRY(fabric_text) entry;
};

struct reader {
	const char *path;
	FILE *file;
	struct config *config;
	unsigned int line;
	bool seen[KEYS];
	STAILQ_HEAD(, fabric_text) fabrics; /* in the file's order */
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

/* ---- numbers ----------------------------------------------------------- */

static bool parse_number(const char *value, unsigned int min, unsigned int max,
			 unsigned int *number)
{
	uint64_t parsed;

	if (schema_parse_uint(value, min, max, &parsed, NULL) < 0)
		return false;
	*number = (unsigned int)parsed;
	return true;
}

/* ---- [fabric NAME] ----------------------------------------------------- */

static bool is_fabric_name(const char *name)
{
	char why[WHY_MAX];

	return schema_check(SCHEMA_BACKEND, VIB_BE_FABRIC, name, why, sizeof(why)) == 0;
}

/* What the kernel takes for the name of a device; it may be part of a path. */
static bool is_device_name(const char *name, size_t size)
{
	static const char letters[] =
		"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
		"0123456789_.-";

	return name[0] && strlen(name) < size && name[strspn(name, letters)] == '\0' &&
	       strcmp(name, ".") != 0 && strcmp(name, "..") != 0;
}

/* What the file says of @name so far: a new one, if nothing; NULL for want of memory. */
static struct fabric_text *fabric_text(struct reader *r, const char *name)
{
	struct fabric_text *text;

	STAILQ_FOREACH(text, &r->fabrics, entry)
	if (strcmp(text->name, name) == 0)
		return text;
	text = calloc(1, sizeof(*text));
	if (!text)
		return NULL;
	snprintf(text->name, sizeof(text->name), "%s", name);
	text->port = 1;
	text->max_hca_mem = FABRIC_HCA_MEM;
	STAILQ_INSERT_TAIL(&r->fabrics, text, entry);
	return text;
}

/* Which of @count @names it is; -1: none. */
static int parse_name(const char *value, const char *const *names, int count)
{
	for (int i = 0; i < count; i++)
		if (strcmp(value, names[i]) == 0)
			return i;
	return -1;
}

static bool parse_addressing(const char *value, enum gsi_addressing *addressing)
{
	static const char *const names[] = {
		[GSI_ADDRESSING_AUTO] = "auto",
		[GSI_ADDRESSING_ALIAS] = "alias",
		[GSI_ADDRESSING_SHARED] = "shared",
	};
	int i = parse_name(value, names, (int)(sizeof(names) / sizeof(names[0])));

	*addressing = i < 0 ? GSI_ADDRESSING_AUTO : (enum gsi_addressing)i;
	return i >= 0;
}

static bool parse_frwr(const char *value, enum fabric_frwr *frwr)
{
	static const char *const names[] = {
		[FABRIC_FRWR_AUTO] = "auto",
		[FABRIC_FRWR_YES] = "yes",
		[FABRIC_FRWR_NO] = "no",
	};
	int i = parse_name(value, names, (int)(sizeof(names) / sizeof(names[0])));

	*frwr = i < 0 ? FABRIC_FRWR_AUTO : (enum fabric_frwr)i;
	return i >= 0;
}

static bool fabric_entry(struct reader *r, const char *fabric, const char *name,
			 const char *value)
{
	struct fabric_text *text;
	unsigned int key;

	if (!is_fabric_name(fabric))
		return refuse(r, "[fabric %s]: want a NAME as in vib's fabric= key",
			      fabric);
	for (key = 0; key < FABRIC_KEYS && strcmp(name, fabric_keys[key]) != 0; key++)
		;
	if (key == FABRIC_KEYS)
		return refuse(r,
			      "[fabric %s] %s: the keys are 'type', 'device', 'port', "
			      "'netdev', 'addressing', 'max_hca_mem' and "
			      "'fast_registration'",
			      fabric, name);
	text = fabric_text(r, fabric);
	if (!text)
		return refuse(r, "[fabric %s]: %s", fabric, strerror(ENOMEM));
	if (text->lines[key])
		return refuse(r,
			      "[fabric %s] %s is given twice, or continued; want it once",
			      fabric, name);
	text->lines[key] = r->line;
	switch (key) {
	case FABRIC_TYPE:
		if (strcmp(value, "local") != 0 && strcmp(value, "wire") != 0)
			return refuse(r, "[fabric %s] type=%s: want 'local' or 'wire'",
				      fabric, value);
		text->kind = strcmp(value, "wire") == 0 ? FABRIC_WIRE : FABRIC_LOCAL;
		break;
	case FABRIC_DEVICE:
		if (!is_device_name(value, sizeof(text->device)))
			return refuse(
				r,
				"[fabric %s] device=%s: want the name of an HCA, as "
				"'ibv_devices' has it",
				fabric, value);
		strcpy(text->device, value);
		break;
	case FABRIC_PORT:
		if (!parse_number(value, 1, UINT8_MAX, &text->port))
			return refuse(r,
				      "[fabric %s] port=%s: want a port's number, from 1 "
				      "to 255",
				      fabric, value);
		break;
	case FABRIC_NETDEV:
		if (!is_device_name(value, sizeof(text->netdev)))
			return refuse(r,
				      "[fabric %s] netdev=%s: want the name of a network "
				      "device, as 'ip link' has it",
				      fabric, value);
		strcpy(text->netdev, value);
		break;
	case FABRIC_ADDRESSING:
		if (!parse_addressing(value, &text->addressing))
			return refuse(
				r,
				"[fabric %s] addressing=%s: want 'auto', 'alias' or "
				"'shared'",
				fabric, value);
		break;
	case FABRIC_MAX_HCA_MEM:
		if (!parse_number(value, 1, MAX_HCA_MEM, &text->max_hca_mem))
			return refuse(r,
				      "[fabric %s] max_hca_mem=%s: want MiB of each "
				      "guest, a number from 1 to 65536",
				      fabric, value);
		break;
	case FABRIC_FAST_REGISTRATION:
		if (!parse_frwr(value, &text->frwr))
			return refuse(r,
				      "[fabric %s] fast_registration=%s: want 'auto', "
				      "'yes' or 'no'",
				      fabric, value);
		break;
	}
	return true;
}

/* Of an Ethernet or of a port of an HCA there is one owner. */
static bool share_a_wire(struct reader *r, const struct fabric_text *text)
{
	const struct fabric_text *other;

	STAILQ_FOREACH(other, &r->fabrics, entry)
	{
		if (other == text)
			return false;
		if (other->kind != FABRIC_WIRE)
			continue;
		if (strcmp(other->device, text->device) == 0 &&
		    other->port == text->port) {
			r->line = text->lines[FABRIC_DEVICE];
			refuse(r,
			       "[fabric %s] device=%s, port %u: [fabric %s] has it; want "
			       "another port",
			       text->name, text->device, text->port, other->name);
			return true;
		}
		if (text->netdev[0] && strcmp(other->netdev, text->netdev) == 0) {
			r->line = text->lines[FABRIC_NETDEV];
			refuse(r,
			       "[fabric %s] netdev=%s: [fabric %s] has it; want another, "
			       "or none",
			       text->name, text->netdev, other->name);
			return true;
		}
	}
	return false;
}

/* A whole section: do its keys fit each other? */
static bool check_fabric(struct reader *r, struct fabric_text *text)
{
	if (!text->lines[FABRIC_TYPE])
		text->kind = text->device[0] ? FABRIC_WIRE : FABRIC_LOCAL;
	for (unsigned int key = 0; key < FABRIC_KEYS; key++) {
		if (!text->lines[key] ||
		    (key == FABRIC_TYPE && text->kind == FABRIC_LOCAL))
			continue;
		r->line = text->lines[key];
		if (strcmp(text->name, "local") == 0)
			return refuse(
				r,
				"[fabric local] %s: the fabric 'local' has no wire; "
				"want a fabric of another NAME",
				fabric_keys[key]);
		if (text->lines[FABRIC_TYPE] && text->kind == FABRIC_LOCAL)
			return refuse(r,
				      "[fabric %s] %s: it is of a wire, and type is "
				      "'local'; want type = wire",
				      text->name, fabric_keys[key]);
		if (!text->device[0])
			return refuse(r,
				      "[fabric %s] %s: want a 'device' as well, the "
				      "HCA's name",
				      text->name, fabric_keys[key]);
	}
	return text->kind == FABRIC_LOCAL || !share_a_wire(r, text);
}

/* Add what the file names, or say what is wrong with it. */
static void add_fabrics(struct reader *r)
{
	struct fabric_text *text;
	struct fabric *fabric;

	STAILQ_FOREACH(text, &r->fabrics, entry)
	{
		if (!check_fabric(r, text))
			return;
	}
	STAILQ_FOREACH(text, &r->fabrics, entry)
	{
		fabric = fabric_add(r->config->fabrics, text->name);
		if (!fabric) {
			refuse(r, "[fabric %s]: %s", text->name, strerror(errno));
			return;
		}
		if (text->kind == FABRIC_LOCAL)
			continue;
		fabric_set_wire(fabric, text->device, (uint8_t)text->port);
		strcpy(fabric->netdev, text->netdev);
		fabric->addressing = text->addressing;
		fabric->max_hca_mem = text->max_hca_mem;
		fabric->frwr = text->frwr;
	}
}

static void free_fabrics(struct reader *r)
{
	struct fabric_text *text;

	while ((text = STAILQ_FIRST(&r->fabrics))) {
		STAILQ_REMOVE_HEAD(&r->fabrics, entry);
		free(text);
	}
}

/* ---- [engine] ---------------------------------------------------------- */

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
		       MAX_SPIN_US == 1000000 && MAX_HCA_MEM == 65536,
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

	STAILQ_INIT(&r.fabrics);
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
		free_fabrics(&r);
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
		add_fabrics(&r);
	free_fabrics(&r);
	if (!r.refused)
		return check_whole(path, config);
	log_err("%s:%u: %s", path, r.wrong, r.why);
	return -1;
}
