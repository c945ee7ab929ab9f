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

/* NULL after having said that there is none. */
static json_t *find(json_t *fabrics, const char *name)
{
	json_t *fabric;
	size_t i;

	json_array_foreach (fabrics, i, fabric) {
		if (strcmp(json_text(fabric, "name"), name) == 0)
			return fabric;
	}
	failed("ibback has no fabric '%s'; 'vibctl fabric list' shows those it has",
	       name);
	return NULL;
}

static int show(const struct arguments *a, json_t *fabrics)
{
	json_t *fabric = find(fabrics, a->name);

	if (!fabric)
		return EXIT_REFUSED;
	return a->json ? print_json(json_incref(fabric)) : print_one(fabric);
}

/* ---- reclaim ----------------------------------------------------------- */

/* Is there something to claim, by what ibback says? Else the exit status, after having
 * said why not.
 */
static int check_claim(json_t *fabric, const char *name)
{
	json_t *cm = json_object_get(fabric, "cm");
	char buf[192];
	const char *device = printable(json_text(fabric, "device"), buf, sizeof(buf));

	if (!json_object_get(fabric, "device"))
		return failed("fabric '%s' has no HCA", name);
	if (!json_is_true(json_object_get(fabric, "present")))
		return failed("%s, the HCA of fabric '%s', is absent", device, name);
	if (!json_is_boolean(cm))
		return failed("fabric '%s' is not RoCE: it needs no claim", name);
	if (json_is_true(cm))
		return failed("ibback has connection management of %s already", device);
	return 0;
}

/* Those that interrupt connections by rdma_cm, and nothing that is mounted or an
 * interface.
 */
static bool may_unload(const char *module)
{
	static const char *const these[] = { "ib_cm", "rdma_cm", "rdma_ucm", "ib_ucm",
					     "iw_cm" };

	for (size_t i = 0; i < sizeof(these) / sizeof(*these); i++)
		if (strcmp(module, these[i]) == 0)
			return true;
	return false;
}

/* Else the exit status, after having named those that are in the way. */
static int check_users(const struct modules *modules)
{
	char names[MODULES_MAX * (MODULE_NAME_MAX + 1) + 1] = "";

	for (size_t i = 0; i < modules->count; i++)
		if (!may_unload(modules->names[i])) {
			strcat(names, " ");
			strcat(names, modules->names[i]);
		}
	if (!names[0])
		return 0;
	return failed("ib_cm is not unloaded, for what else uses it:%s; unload that "
		      "first, and load it again afterwards",
		      names);
}

/* What had it is loaded again, whatever became of it: it leaves that HCA alone then. */
static int reclaim(const struct vibctl *ctl, const struct arguments *a, json_t *fabrics)
{
	json_t *fabric = find(fabrics, a->name);
	struct modules modules;
	int status;

	if (!fabric || check_claim(fabric, a->name) != 0)
		return EXIT_REFUSED;
	if (modules_find(ctl->dirs.modules, "ib_cm", &modules) < 0)
		return failed("cannot see what uses ib_cm in %s: %s", ctl->dirs.modules,
			      strerror(errno));
	if (check_users(&modules) != 0)
		return EXIT_REFUSED;
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
	answer = ask_ibback(a.socket, "fabrics", "fabrics", &fabrics);
	if (!answer)
		return EXIT_REFUSED;
	if (strcmp(a.action, "reclaim") == 0)
		status = reclaim(ctl, &a, fabrics);
	else
		status = strcmp(a.action, "show") == 0 ? show(&a, fabrics)
						       : list(&a, fabrics);
	json_decref(answer);
	return status;
}
