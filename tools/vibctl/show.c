// SPDX-License-Identifier: GPL-2.0-or-later
/* vibctl show DOMAIN [INDEX] */
#include "vibctl.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "schema/schema.h"

struct arguments {
	const char *domain, *index;
	bool json;
};

static error_t parse_option(int key, char *arg, struct argp_state *state)
{
	struct arguments *a = state->input;

	switch (key) {
	case ARGP_KEY_INIT:
		state->child_inputs[0] = &a->json;
		return 0;
	case ARGP_KEY_ARG:
		if (!a->domain)
			a->domain = arg;
		else if (!a->index)
			a->index = arg;
		else
			argp_error(state, "one domain and one index at a time");
		return 0;
	case ARGP_KEY_NO_ARGS:
		argp_error(state, "whose vibs? want a domain's name or number");
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

/* What one node holds, or why that cannot be shown; ASCII, so fit for JSON. */
struct shown {
	char value[XENPORT_VALUE_MAX + 1];
	char problem[640]; /* what the schema says of it, or "" */
};

static void read_node(struct vibctl *ctl, enum schema_side side, const char *dir,
		      const char *key, struct shown *shown)
{
	char path[XENPORT_PATH_MAX], raw[XENPORT_VALUE_MAX + 1];

	shown->problem[0] = '\0';
	if (snprintf(path, sizeof(path), "%s/%s", dir, key) >= (int)sizeof(path))
		errno = ENAMETOOLONG;
	else if (xenport_read(ctl->xp, XENPORT_NO_TRANSACTION, path, raw, sizeof(raw)) >=
		 0) {
		const char *text = printable(raw, shown->value, sizeof(shown->value));

		if (text == raw)
			strcpy(shown->value, raw);
		schema_check(side, key, raw, shown->problem, sizeof(shown->problem));
		return;
	}
	shown->value[0] = '\0';
	snprintf(shown->problem, sizeof(shown->problem), "cannot be read: %s",
		 strerror(errno));
}

/* The nodes of one directory as {key: value}; what is wrong goes to @problems. */
static json_t *nodes_to_json(struct vibctl *ctl, enum schema_side side, const char *dir,
			     json_t *problems)
{
	json_t *json = json_object();
	struct shown shown;
	char **keys;
	int n = xenport_list(ctl->xp, XENPORT_NO_TRANSACTION, dir, &keys);

	if (n < 0) {
		if (errno == ENOENT)
			snprintf(shown.problem, sizeof(shown.problem),
				 "%s does not exist", dir);
		else
			snprintf(shown.problem, sizeof(shown.problem), "%s: %s", dir,
				 strerror(errno));
		json_array_append_new(problems, json_string(shown.problem));
		return json;
	}
	for (int i = 0; i < n; i++) {
		read_node(ctl, side, dir, keys[i], &shown);
		json_object_set_new(json, keys[i], json_string(shown.value));
		if (shown.problem[0])
			json_array_append_new(problems, json_string(shown.problem));
	}
	free(keys);
	return json;
}

static json_t *vib_to_json(struct vibctl *ctl, const struct vib_id *vib)
{
	struct vib_path backend = vib_backend_path(vib, "");
	struct vib_path frontend = vib_frontend_path(vib, "");
	json_t *problems = json_array();
	json_t *be = nodes_to_json(ctl, SCHEMA_BACKEND, backend.text, problems);
	json_t *fe = nodes_to_json(ctl, SCHEMA_FRONTEND, frontend.text, problems);

	return json_pack("{s:i, s:i, s:s, s:o, s:s, s:o, s:o}", "domid",
			 (int)vib->frontend, "index", (int)vib->index, "backend_path",
			 backend.text, "backend", be, "frontend_path", frontend.text,
			 "frontend", fe, "problems", problems);
}

static void print_nodes(const char *path, json_t *nodes)
{
	const char *key;
	json_t *value;

	printf("  %s\n", path);
	json_object_foreach (nodes, key, value)
		printf("    %-14s %s\n", key, json_string_value(value));
}

static void print_vib(json_t *vib)
{
	json_t *problem;
	size_t i;

	printf("vib %d of domain %d\n",
	       (int)json_integer_value(json_object_get(vib, "index")),
	       (int)json_integer_value(json_object_get(vib, "domid")));
	print_nodes(json_string_value(json_object_get(vib, "backend_path")),
		    json_object_get(vib, "backend"));
	print_nodes(json_string_value(json_object_get(vib, "frontend_path")),
		    json_object_get(vib, "frontend"));
	json_array_foreach (json_object_get(vib, "problems"), i, problem)
		printf("  problem: %s\n", json_string_value(problem));
}

/* The domain's vibs, or the one of @index if that is not negative. */
static json_t *collect(struct vibctl *ctl, uint16_t domid, int index)
{
	struct vib_id *vibs;
	int n = store_list_vibs(ctl->xp, XENPORT_NO_TRANSACTION, &vibs);
	json_t *array = n < 0 ? NULL : json_array();

	for (int i = 0; array && i < n; i++) {
		if (vibs[i].frontend != domid ||
		    (index >= 0 && vibs[i].index != (unsigned int)index))
			continue;
		if (json_array_append_new(array, vib_to_json(ctl, &vibs[i])) < 0) {
			json_decref(array);
			array = NULL;
		}
	}
	free(vibs);
	return array;
}

int cmd_show(struct vibctl *ctl, int argc, char **argv)
{
	static const struct argp argp = {
		.children = json_option,
		.parser = parse_option,
		.args_doc = "DOMAIN [INDEX]",
		.doc = "Show every xenstore node of a domain's vibs, and what the schema"
		       " has against it.",
	};
	struct arguments a = { NULL, NULL, false };
	unsigned int index = 0;
	uint16_t domid;
	json_t *vibs, *vib;
	size_t i;

	if (argp_parse(&argp, argc, argv, 0, NULL, &a))
		return EXIT_USAGE;
	if ((a.index && parse_index(a.index, &index) < 0) || open_store(ctl) < 0 ||
	    resolve_domain(ctl, a.domain, true, &domid) < 0)
		return EXIT_REFUSED;

	vibs = collect(ctl, domid, a.index ? (int)index : -1);
	if (!vibs)
		return failed("cannot read the vibs: %s", strerror(errno));
	if (!json_array_size(vibs)) {
		json_decref(vibs);
		return a.index ? failed("domain %u has no vib %u", domid, index)
			       : failed("domain %u has no vib", domid);
	}
	if (a.json)
		return print_json(vibs);
	json_array_foreach (vibs, i, vib) {
		print_vib(vib);
	}
	json_decref(vibs);
	return 0;
}
