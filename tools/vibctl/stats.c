// SPDX-License-Identifier: GPL-2.0-or-later
/* vibctl stats [DOMAIN[/INDEX]] */
#include "vibctl.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* What ibfront writes; a guest's word. */
#define DMA_FAILURES "dma-failures"

/* ---- which of them ----------------------------------------------------- */

/* What the arguments name. */
struct choice {
	char domain[DOMAIN_NAME_SIZE]; /* "": all */
	int index;                     /* negative: all */
};

static int parse_choice(const char *text, struct choice *choice)
{
	const char *slash = text ? strrchr(text, '/') : NULL;
	unsigned int index;

	choice->domain[0] = '\0';
	choice->index = -1;
	if (!text)
		return 0;
	if (slash && parse_index(slash + 1, &index) < 0)
		return -1;
	if (slash)
		choice->index = (int)index;
	snprintf(choice->domain, sizeof(choice->domain), "%.*s",
		 (int)(slash ? slash - text : (long)strlen(text)), text);
	return 0;
}

/* By name or number, as ibback knows it: no xenstore is needed. */
static bool is_chosen(const struct choice *choice, json_t *vib)
{
	char number[16];

	if (choice->index >= 0 && json_int(vib, "index") != choice->index)
		return false;
	snprintf(number, sizeof(number), "%d", (int)json_int(vib, "domid"));
	return !choice->domain[0] || !strcmp(choice->domain, number) ||
	       !strcmp(choice->domain, json_text(vib, "name"));
}

static int compare_vibs(const void *a, const void *b)
{
	json_t *x = *(json_t *const *)a, *y = *(json_t *const *)b;
	json_int_t domain = json_int(x, "domid") - json_int(y, "domid");
	json_int_t index = json_int(x, "index") - json_int(y, "index");

	if (domain)
		return domain < 0 ? -1 : 1;
	return index < 0 ? -1 : index > 0;
}

/* Those of @choice, in order: a new array; NULL: no memory. */
static json_t *choose(json_t *vibs, const struct choice *choice)
{
	size_t count = json_array_size(vibs), n = 0;
	json_t **sorted = calloc(count + 1, sizeof(json_t *));
	json_t *chosen = sorted ? json_array() : NULL, *vib;
	size_t i;

	if (!chosen) {
		free(sorted);
		return NULL;
	}
	json_array_foreach (vibs, i, vib) {
		if (json_is_object(vib) && is_chosen(choice, vib))
			sorted[n++] = vib;
	}
	qsort(sorted, n, sizeof(json_t *), compare_vibs);
	for (i = 0; i < n; i++)
		(void)json_array_append(chosen, sorted[i]);
	free(sorted);
	return chosen;
}

/* ---- what the guest itself counts -------------------------------------- */

/* DMA mappings that its kernel could not make, if it says so. */
static void add_dma_failures(struct vibctl *ctl, json_t *vib)
{
	const struct vib_id id = { .frontend = (uint16_t)json_int(vib, "domid"),
				   .index = (unsigned int)json_int(vib, "index") };
	struct vib_path path = vib_frontend_path(&id, DMA_FAILURES);
	json_t *dma = json_object_get(vib, "dma");
	uint64_t failures;

	/* A local front end is in no xenstore. */
	if (!dma || json_is_true(json_object_get(vib, "local")) ||
	    store_read_uint(ctl->xp, XENPORT_NO_TRANSACTION, path.text, INT64_MAX,
			    &failures) < 0)
		return;
	(void)json_object_set_new(dma, "failures", json_integer((json_int_t)failures));
}

static void add_all_dma_failures(struct vibctl *ctl, json_t *vibs)
{
	json_t *vib;
	size_t i;

	/* Without xenstore, as in a driver domain of little rights, they are left out. */
	if (!ctl->xp)
		ctl->xp = xenport_open_xen(XENPORT_STORE);
	if (!ctl->xp)
		return;
	json_array_foreach (vibs, i, vib) {
		add_dma_failures(ctl, vib);
	}
}

/* ---- for people -------------------------------------------------------- */

static json_int_t total(json_t *counts)
{
	json_int_t sum = 0;
	const char *key;
	json_t *count;

	json_object_foreach (counts, key, count)
		sum += json_integer_value(count);
	return sum;
}

static int add_row(struct table *table, json_t *vib)
{
	json_t *counters = json_object_get(vib, "counters");
	const json_int_t numbers[] = {
		json_int(counters, "xmit_bytes"),
		json_int(counters, "rcv_bytes"),
		json_int(counters, "xmit_packets"),
		json_int(counters, "rcv_packets"),
		json_int(counters, "xmit_discards") + json_int(counters, "rcv_discards"),
		json_int(counters, "pkey_violations") +
			json_int(counters, "qkey_violations"),
		total(json_object_get(vib, "dropped")) +
			total(json_object_get(json_object_get(vib, "mads"), "dropped")),
	};
	char domid[24], index[24], name[160], text[7][24];
	const char *cells[11] = {
		domid,
		printable(json_text(vib, "name"), name, sizeof(name)),
		index,
		json_is_true(json_object_get(vib, "connected")) ? json_text(vib, "link")
								: "-",
	};

	snprintf(domid, sizeof(domid), "%" JSON_INTEGER_FORMAT, json_int(vib, "domid"));
	snprintf(index, sizeof(index), "%" JSON_INTEGER_FORMAT, json_int(vib, "index"));
	for (size_t i = 0; i < 7; i++) {
		snprintf(text[i], sizeof(text[i]), "%" JSON_INTEGER_FORMAT, numbers[i]);
		cells[4 + i] = text[i];
	}
	return table_add(table, cells);
}

static int print_table(json_t *vibs)
{
	static const char *const heads[] = { "ID",         "NAME",       "INDEX",
					     "LINK",       "XMIT BYTES", "RCV BYTES",
					     "XMIT PKTS",  "RCV PKTS",   "DISCARDS",
					     "VIOLATIONS", "DROPPED" };
	struct table table = { .columns = sizeof(heads) / sizeof(*heads) };
	int rc = table_add(&table, heads);
	json_t *vib;
	size_t i;

	json_array_foreach (vibs, i, vib) {
		if (!rc)
			rc = add_row(&table, vib);
	}
	if (!rc)
		table_print(&table);
	table_free(&table);
	return rc < 0 ? failed("cannot list the vibs: %s", strerror(errno)) : 0;
}

static void print_line(const char *section, const char *key, const char *value)
{
	char name[128];

	snprintf(name, sizeof(name), "%s%s%s", section, *section ? "." : "", key);
	printf("  %-32s %s\n", name, value);
}

static void print_members(const char *section, json_t *json);

/* A member: a text, a number, what is used of a quota, or more members. */
static void print_member(const char *section, const char *key, json_t *value)
{
	char text[192], quoted[192];

	if (json_is_object(value) && json_object_get(value, "limit"))
		snprintf(text, sizeof(text),
			 "%" JSON_INTEGER_FORMAT " of %" JSON_INTEGER_FORMAT,
			 json_int(value, "used"), json_int(value, "limit"));
	else if (json_is_integer(value))
		snprintf(text, sizeof(text), "%" JSON_INTEGER_FORMAT,
			 json_integer_value(value));
	else if (json_is_boolean(value))
		strcpy(text, json_is_true(value) ? "yes" : "no");
	else if (json_is_string(value))
		snprintf(text, sizeof(text), "%s",
			 printable(json_string_value(value), quoted, sizeof(quoted)));
	else {
		snprintf(text, sizeof(text), "%s%s%s", section, *section ? "." : "", key);
		print_members(text, value);
		return;
	}
	print_line(section, key, text);
}

/* Of causes only those that there were: there are many. */
static void print_members(const char *section, json_t *json)
{
	const char *last = strrchr(section, '.');
	bool causes = !strcmp(last ? last + 1 : section, "dropped");
	const char *key;
	json_t *value;

	json_object_foreach (json, key, value)
		if (!causes || json_integer_value(value))
			print_member(section, key, value);
}

static void print_vibs(json_t *vibs)
{
	json_t *vib;
	size_t i;

	json_array_foreach (vibs, i, vib) {
		printf("vib %d of domain %d\n", (int)json_int(vib, "index"),
		       (int)json_int(vib, "domid"));
		print_members("", vib);
	}
}

/* ---- the command ------------------------------------------------------- */

struct arguments {
	const char *vib, *socket;
	bool json;
};

static const struct argp_option options[] = {
	{ "socket", 's', "PATH", 0, "Ask the ibback that listens there", 0 },
	{ NULL, 0, NULL, 0, NULL, 0 },
};

static error_t parse_option(int key, char *arg, struct argp_state *state)
{
	struct arguments *a = state->input;

	switch (key) {
	case ARGP_KEY_INIT:
		state->child_inputs[0] = &a->json;
		return 0;
	case 's':
		a->socket = arg;
		return 0;
	case ARGP_KEY_ARG:
		if (a->vib)
			argp_error(state, "one domain at a time; want DOMAIN or"
					  " DOMAIN/INDEX");
		a->vib = arg;
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

/* Print @vibs, and release them. */
static int show(struct vibctl *ctl, const struct arguments *a, json_t *vibs)
{
	int status = 0;

	if (!vibs)
		return failed("out of memory");
	add_all_dma_failures(ctl, vibs);
	if (a->json)
		return print_json(vibs);
	if (a->vib)
		print_vibs(vibs);
	else
		status = print_table(vibs);
	json_decref(vibs);
	return status;
}

int cmd_stats(struct vibctl *ctl, int argc, char **argv)
{
	static const struct argp argp = {
		.options = options,
		.children = json_option,
		.parser = parse_option,
		.args_doc = "[DOMAIN[/INDEX]]",
		.doc = "Show what ibback has counted of all vibs, or all of it of those "
		       "of"
		       " a domain, or of one.",
	};
	struct arguments a = { .socket = ctl->dirs.socket };
	struct choice choice;
	json_t *answer, *vibs = NULL, *chosen;
	int status;

	if (argp_parse(&argp, argc, argv, 0, NULL, &a))
		return EXIT_USAGE;
	if (parse_choice(a.vib, &choice) < 0)
		return EXIT_REFUSED;
	answer = ask_ibback(a.socket, "stats", "vibs", &vibs);
	chosen = vibs ? choose(vibs, &choice) : NULL;
	if (!vibs) {
		status = EXIT_REFUSED;
	} else if (chosen && a.vib && !json_array_size(chosen)) {
		status = failed("ibback serves no vib '%s'; 'vibctl stats' shows those"
				" it serves",
				a.vib);
		json_decref(chosen);
	} else {
		status = show(ctl, &a, chosen);
	}
	json_decref(answer);
	return status;
}
