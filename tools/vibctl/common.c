// SPDX-License-Identifier: GPL-2.0-or-later
/* What vibctl's commands share. */
#include "vibctl.h"

#include <errno.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int failed(const char *fmt, ...)
{
	va_list ap;

	fputs("vibctl: ", stderr);
	va_start(ap, fmt);
	vfprintf(stderr, fmt, ap);
	va_end(ap);
	fputc('\n', stderr);
	return EXIT_REFUSED;
}

int open_store(struct vibctl *ctl)
{
	if (ctl->xp)
		return 0;
	ctl->xp = xenport_open_xen(XENPORT_STORE);
	if (ctl->xp)
		return 0;
	failed("cannot reach xenstore: %s; vibctl runs as root where xl does",
	       strerror(errno));
	return -1;
}

enum { OPTION_JSON = 256 };

static error_t parse_json_option(int key, char *arg, struct argp_state *state)
{
	bool *json = state->input;

	(void)arg;
	if (key != OPTION_JSON)
		return ARGP_ERR_UNKNOWN;
	*json = true;
	return 0;
}

static const struct argp_option json_options[] = {
	{ "json", OPTION_JSON, NULL, 0, "Print JSON", 0 },
	{ NULL, 0, NULL, 0, NULL, 0 },
};

static const struct argp json_argp = {
	.options = json_options,
	.parser = parse_json_option,
};

const struct argp_child json_option[] = {
	{ &json_argp, 0, NULL, 0 },
	{ NULL, 0, NULL, 0 },
};

int print_json(json_t *json)
{
	int rc;

	if (!json)
		return failed("out of memory");
	rc = json_dumpf(json, stdout, JSON_INDENT(2));
	putchar('\n');
	json_decref(json);
	return rc < 0 ? failed("cannot write JSON") : 0;
}

int resolve_domain(struct vibctl *ctl, const char *text, bool dead_too, uint16_t *domid)
{
	struct reason why;
	uint64_t number;

	if (dead_too && !schema_parse_uint(text, 0, DOMID_MAX, &number, NULL)) {
		*domid = (uint16_t)number;
		return 0;
	}
	if (!store_find_domain(ctl->xp, XENPORT_NO_TRANSACTION, text, domid, &why))
		return 0;
	failed("%s; 'xl list' shows those there are", why.text);
	return -1;
}

int parse_index(const char *text, unsigned int *index)
{
	char quoted[64];
	const char *why;
	uint64_t value;

	if (schema_parse_uint(text, 0, VIB_INDEX_MAX, &value, &why) < 0) {
		failed("index %s: %s; want a number from 0 to %d, as 'vibctl list' shows",
		       schema_quote(text, quoted, sizeof(quoted)), why, VIB_INDEX_MAX);
		return -1;
	}
	*index = (unsigned int)value;
	return 0;
}

unsigned int parse_seconds(struct argp_state *state, const char *text)
{
	const char *why;
	uint64_t value;

	if (schema_parse_uint(text, 0, 86400, &value, &why) < 0) {
		argp_error(state, "timeout '%s': %s; want seconds, from 0 to 86400", text,
			   why);
		return 0;
	}
	return (unsigned int)value;
}

int find_vib(struct vibctl *ctl, uint16_t domid, unsigned int index, struct vib_id *vib)
{
	struct vib_id *vibs;
	int n = store_list_vibs(ctl->xp, XENPORT_NO_TRANSACTION, &vibs);
	int rc = -1;

	for (int i = 0; i < n; i++)
		if (vibs[i].frontend == domid && vibs[i].index == index) {
			*vib = vibs[i];
			rc = 0;
		}
	free(vibs);
	return rc;
}

/* The only vib of @domid. -1 after having said what is wrong. */
static int find_only_vib(struct vibctl *ctl, uint16_t domid, struct vib_id *vib)
{
	struct vib_id *vibs;
	int n = store_list_vibs(ctl->xp, XENPORT_NO_TRANSACTION, &vibs);
	int found = 0;

	for (int i = 0; i < n; i++)
		if (vibs[i].frontend == domid) {
			*vib = vibs[i];
			found++;
		}
	free(vibs);
	if (found == 1)
		return 0;
	if (found)
		failed("domain %u has %d vibs; want DOMAIN/INDEX, as 'vibctl list' shows",
		       domid, found);
	else
		failed("domain %u has no vib", domid);
	return -1;
}

int find_vib_named(struct vibctl *ctl, const char *text, struct vib_id *vib)
{
	const char *slash = strrchr(text, '/');
	char domain[DOMAIN_NAME_SIZE];
	size_t length = slash ? (size_t)(slash - text) : strlen(text);
	unsigned int index;
	uint16_t domid;

	if (slash && parse_index(slash + 1, &index) < 0)
		return -1;
	if (length >= sizeof(domain)) {
		failed("no domain's name is that long");
		return -1;
	}
	memcpy(domain, text, length);
	domain[length] = '\0';
	if (resolve_domain(ctl, domain, false, &domid) < 0)
		return -1;
	if (!slash)
		return find_only_vib(ctl, domid, vib);
	if (find_vib(ctl, domid, index, vib) == 0)
		return 0;
	failed("domain %u has no vib %u; 'vibctl list' shows those there are", domid,
	       index);
	return -1;
}

void join_text(struct joined *joined, const char *part)
{
	size_t length = strlen(joined->text);
	int n = snprintf(joined->text + length, sizeof(joined->text) - length, "%s%s",
			 length ? ", " : "", part);

	if (n < 0 || (size_t)n >= sizeof(joined->text) - length)
		joined->too_long = true;
}

struct record *load_domain_record(struct vibctl *ctl, uint16_t domid)
{
	struct record *record = malloc(sizeof(*record));
	char uuid[UUID_STR_LEN];

	if (record && !store_domain_uuid(ctl->xp, domid, uuid) &&
	    !record_load(ctl->dirs.records, uuid, record))
		return record;
	free(record);
	return NULL;
}

/* Wait until an event is there or @deadline_ms has come; take all events. */
static int take_events(struct xenport *xp, uint64_t deadline_ms)
{
	struct pollfd pfd = { .fd = xenport_store_fd(xp), .events = POLLIN };
	uint64_t now = boottime_ms();
	char path[XENPORT_PATH_MAX], token[32];
	int rc;

	if (poll(&pfd, 1, now < deadline_ms ? (int)(deadline_ms - now) : 0) < 0 &&
	    errno != EINTR)
		return -1;
	do
		rc = xenport_next_watch(xp, path, sizeof(path), token, sizeof(token));
	while (rc > 0);
	return rc;
}

int wait_for_vib(struct xenport *xp, const struct vib_id *vib,
		 bool (*done)(struct xenport *xp, const struct vib_id *vib),
		 unsigned int timeout_ms)
{
	uint64_t deadline_ms = boottime_ms() + timeout_ms;
	struct vib_path backend = vib_backend_path(vib, "");
	struct vib_path frontend = vib_frontend_path(vib, "");

	/* The watches end with the program's connection. */
	if (xenport_watch(xp, backend.text, "wait") < 0 ||
	    xenport_watch(xp, frontend.text, "wait") < 0)
		return -1;
	while (!done(xp, vib)) {
		if (boottime_ms() >= deadline_ms)
			return 0;
		if (take_events(xp, deadline_ms) < 0)
			return -1;
	}
	return 1;
}

const char *printable(const char *text, char *buf, size_t size)
{
	for (const char *c = text; *c; c++)
		if (*c < ' ' || *c > '~')
			return schema_quote(text, buf, size);
	return text;
}
