// SPDX-License-Identifier: GPL-2.0-or-later
/* vibctl fabric list, show NAME, reclaim NAME */
#include "vibctl.h"
#include "modules.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- for people -------------------------------------------------------- */

/* A member as a text in @buf; "-" where there is none. */
static const char *cell(json_t *json, const char *key, char *buf, size_t size)
{
	json_t *value = json_object_get(json, key);

	if (json_is_integer(value)) {
		snprintf(buf, size, "%" JSON_INTEGER_FORMAT, json_integer_value(value));
		return buf;
	}
	if (json_is_boolean(value))
		return json_is_true(value) ? "yes" : "no";
	return json_is_string(value) ? printable(json_string_value(value), buf, size)
				     : "-";
}

/* Why an absent HCA has no link layer, nor MTU. */
static const char *state_of(json_t *fabric)
{
	return json_is_false(json_object_get(fabric, "present"))
		       ? "absent"
		       : json_text(fabric, "state");
}

static int add_fabric(struct table *table, json_t *fabric)
{
	static const char *const keys[] = { "name",       "kind", "state",
					    "device",     "port", "netdev",
					    "link_layer", "mtu",  "cm" };
	const size_t count = sizeof(keys) / sizeof(*keys);
	char text[10][192];
	const char *cells[10];

	for (size_t i = 0; i < count; i++)
		cells[i] = cell(fabric, keys[i], text[i], sizeof(text[i]));
	cells[2] = printable(state_of(fabric), text[2], sizeof(text[2]));
	snprintf(text[count], sizeof(text[count]), "%zu",
		 json_array_size(json_object_get(fabric, "vports")));
	cells[count] = text[count];
	return table_add(table, cells);
}

static int print_list(json_t *fabrics)
{
	static const char *const heads[] = { "NAME", "KIND",   "STATE",      "DEVICE",
					     "PORT", "NETDEV", "LINK LAYER", "MTU",
					     "CM",   "VPORTS" };
	struct table table = { .columns = sizeof(heads) / sizeof(*heads) };
	int rc = table_add(&table, heads);
	json_t *fabric;
	size_t i;

	json_array_foreach (fabrics, i, fabric) {
		if (!rc)
			rc = add_fabric(&table, fabric);
	}
	if (!rc)
		table_print(&table);
	table_free(&table);
	return rc < 0 ? failed("cannot list the fabrics: %s", strerror(errno)) : 0;
}

static int print_vports(json_t *vports)
{
	static const char *const keys[] = { "domid",     "index", "link",
					    "addresses", "lid",   "gid" };
	static const char *const heads[] = { "ID",        "INDEX", "LINK",
					     "ADDRESSES", "LID",   "GID" };
	struct table table = { .columns = sizeof(heads) / sizeof(*heads) };
	int rc = table_add(&table, heads);
	json_t *vport;
	size_t i;

	json_array_foreach (vports, i, vport) {
		char text[6][192];
		const char *cells[6];

		for (size_t k = 0; k < 6; k++)
			cells[k] = cell(vport, keys[k], text[k], sizeof(text[k]));
		if (!rc)
			rc = table_add(&table, cells);
	}
	if (!rc)
		table_print(&table);
	table_free(&table);
	return rc < 0 ? failed("cannot list the vports: %s", strerror(errno)) : 0;
}

static int print_one(json_t *fabric)
{
	const char *key;
	char text[192];
	json_t *value;

	json_object_foreach (fabric, key, value)
		if (!json_is_array(value))
			printf("%-12s %s\n", key, cell(fabric, key, text, sizeof(text)));
	if (!json_array_size(json_object_get(fabric, "vports")))
		return 0;
	putchar('\n');
	return print_vports(json_object_get(fabric, "vports"));
}

/* ---- the command ------------------------------------------------------- */

struct arguments {
	const char *action, *name, *socket;
	bool json;
};

enum { OPTION_JSON = 256 };

static const struct argp_option options[] = {
	{ "json", OPTION_JSON, NULL, 0, "Print JSON", 0 },
	{ "socket", 's', "PATH", 0, "Ask the ibback that listens there", 0 },
	{ NULL, 0, NULL, 0, NULL, 0 },
};

static void take_argument(struct arguments *a, char *arg, struct argp_state *state)
{
	if (!a->action && strcmp(arg, "list") != 0 && strcmp(arg, "show") != 0 &&
	    strcmp(arg, "reclaim") != 0)
		argp_error(
			state,
			"there is no 'fabric %s'; want list, show NAME or reclaim NAME",
			arg);
	else if (!a->action)
		a->action = arg;
	else if (strcmp(a->action, "list") == 0)
		argp_error(state, "list takes no '%s'; 'fabric show' takes a NAME", arg);
	else if (a->name)
		argp_error(state, "one fabric at a time");
	else
		a->name = arg;
}

static error_t parse_option(int key, char *arg, struct argp_state *state)
{
	struct arguments *a = state->input;

	switch (key) {
	case OPTION_JSON:
		a->json = true;
		return 0;
	case 's':
		a->socket = arg;
		return 0;
	case ARGP_KEY_ARG:
		take_argument(a, arg, state);
		return 0;
	case ARGP_KEY_END:
		if (!a->action)
			argp_error(state, "what of the fabrics? want list, show NAME or "
					  "reclaim NAME");
		else if (strcmp(a->action, "list") != 0 && !a->name)
			argp_error(state,
				   "which fabric? 'vibctl fabric list' shows those "
				   "there are");
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

static int compare_names(const void *a, const void *b)
{
	return strcmp(json_text(*(json_t *const *)a, "name"),
		      json_text(*(json_t *const *)b, "name"));
}

/* By name: a new array of the same; NULL: no memory. */
static json_t *sort(json_t *fabrics)
{
	size_t count = json_array_size(fabrics), i;
	json_t **all = calloc(count + 1, sizeof(json_t *)), *fabric;
	json_t *sorted = all ? json_array() : NULL;

	if (sorted) {
		json_array_foreach (fabrics, i, fabric) {
			all[i] = fabric;
		}
		qsort(all, count, sizeof(json_t *), compare_names);
		for (i = 0; i < count; i++)
			(void)json_array_append(sorted, all[i]);
	}
	free(all);
	return sorted;
}

static int list(const struct arguments *a, json_t *fabrics)
{
	json_t *sorted = sort(fabrics);
	int status;

	if (!sorted || a->json)
		return print_json(sorted);
	status = print_list(sorted);
	json_decref(sorted);
	return status;
}

static int show(const struct arguments *a, json_t *fabrics)
{
	json_t *fabric;
	size_t i;

	json_array_foreach (fabrics, i, fabric) {
		if (strcmp(json_text(fabric, "name"), a->name) == 0)
			return a->json ? print_json(json_incref(fabric))
				       : print_one(fabric);
	}
	return failed(
		"ibback has no fabric '%s'; 'vibctl fabric list' shows those it has",
		a->name);
}

/* What had it is loaded again, whatever became of it: it leaves that HCA alone then. */
static int reclaim(const struct vibctl *ctl, const struct arguments *a)
{
	struct modules modules;
	int status;

	if (modules_find(ctl->dirs.modules, "ib_cm", &modules) < 0)
		return failed("cannot see what uses ib_cm in %s: %s", ctl->dirs.modules,
			      strerror(errno));
	if (modules_unload(&modules))
		status = ask_reclaim(a->socket, a->name);
	else
		status = failed("ib_cm cannot be unloaded: this host's own use of it, by "
				"the modules that modprobe named, has to end first");
	if (!modules_load(&modules))
		status = failed("what was unloaded could not all be loaded again");
	return status;
}

int cmd_fabric(struct vibctl *ctl, int argc, char **argv)
{
	static const struct argp argp = {
		.options = options,
		.parser = parse_option,
		.args_doc = "list\nshow NAME\nreclaim NAME",
		.doc = "List the fabrics that ibback has, show one with its vports, or "
		       "have ibback claim its connection management from the kernel's "
		       "ib_cm.",
	};
	struct arguments a = { .socket = ctl->dirs.socket };
	json_t *answer, *fabrics = NULL;
	int status;

	if (argp_parse(&argp, argc, argv, 0, NULL, &a))
		return EXIT_USAGE;
	if (strcmp(a.action, "reclaim") == 0)
		return reclaim(ctl, &a);
	answer = ask_ibback(a.socket, "fabrics", "fabrics", &fabrics);
	if (!answer)
		return EXIT_REFUSED;
	status = strcmp(a.action, "show") == 0 ? show(&a, fabrics) : list(&a, fabrics);
	json_decref(answer);
	return status;
}
