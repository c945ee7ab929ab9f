// SPDX-License-Identifier: GPL-2.0-or-later
/* vibctl list */
#include "vibctl.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "provision/states.h"
#include "xen-ib/xenstore.h"

/* One line: a vib that exists, or one that a record says was refused. */
struct row {
	uint16_t domid;
	unsigned int index;
	bool exists;
	const char *state; /* of the backend, or what became of the vib */
	struct vib_id vib;
	struct vib_status status;
	char name[DOMAIN_NAME_SIZE];
	char fabric[SCHEMA_VALUE_MAX], guid[SCHEMA_VALUE_MAX], pkeys[SCHEMA_VALUE_MAX];
	const char *source;
	char error[sizeof(((struct reason *)0)->text)];
};

typedef int put_row(const struct row *row, void *out);

static void read_name(struct vibctl *ctl, struct row *row)
{
	if (store_domain_name(ctl->xp, XENPORT_NO_TRANSACTION, row->domid, row->name) < 0)
		strcpy(row->name, "(gone)");
}

/* What the schema has against the toolstack's node @key of a vib; @problem is "" else. */
static void check_node(struct vibctl *ctl, const struct vib_id *vib,
		       const struct schema_node *node, char *problem, size_t size)
{
	struct vib_path path = vib_backend_path(vib, node->key);
	char value[XENPORT_VALUE_MAX + 1];

	problem[0] = '\0';
	if (xenport_read(ctl->xp, XENPORT_NO_TRANSACTION, path.text, value,
			 sizeof(value)) >= 0)
		schema_check(SCHEMA_BACKEND, node->key, value, problem, size);
	else if (errno != ENOENT)
		snprintf(problem, size, "%s: cannot be read: %s", node->key,
			 strerror(errno));
	else if (node->required)
		snprintf(problem, size, "%s: it is missing", node->key);
}

/*
 * A vib that works goes on when one of its nodes becomes wrong, and its backend has
 * nothing to say of it but in its log.
 */
static void find_problem(struct vibctl *ctl, struct row *row)
{
	for (size_t i = 0; i < schema_node_count && !row->error[0]; i++)
		if (schema_nodes[i].side == SCHEMA_BACKEND &&
		    schema_nodes[i].writer == SCHEMA_BY_TOOLSTACK)
			check_node(ctl, &row->vib, &schema_nodes[i], row->error,
				   sizeof(row->error));
}

static int put_vib(struct vibctl *ctl, const struct vib_id *vib, put_row *put, void *out)
{
	struct record *record = load_domain_record(ctl, vib->frontend);
	struct record_vib *entry = record ? record_find(record, vib->index) : NULL;
	struct row row = {
		.domid = vib->frontend,
		.index = vib->index,
		.exists = true,
		.vib = *vib,
		.source = entry ? vib_source_name(entry->source) : "other",
	};
	int rc = 0;

	read_name(ctl, &row);
	vib_read_backend(ctl->xp, vib, VIB_BE_FABRIC, row.fabric);
	vib_read_backend(ctl->xp, vib, VIB_BE_PORT_GUID, row.guid);
	vib_read_backend(ctl->xp, vib, VIB_BE_PKEY, row.pkeys);
	/* Gone between the list and here: then it is not there to be listed. */
	if (!vib_read_status(ctl->xp, vib, &row.status)) {
		row.state = vib_state_name(row.status.backend);
		snprintf(row.error, sizeof(row.error), "%.639s", row.status.error);
		if (!row.error[0] && row.status.backend == VIB_INITIALISING)
			snprintf(row.error, sizeof(row.error),
				 "no backend; is ibback running in domain %u?",
				 vib->backend);
		find_problem(ctl, &row);
		rc = put(&row, out);
	}
	free(record);
	return rc;
}

static int put_refused(struct vibctl *ctl, const struct record *record, put_row *put,
		       void *out)
{
	for (size_t i = 0; i < record->count; i++) {
		const struct record_vib *entry = &record->vibs[i];
		struct row row = {
			.domid = record->domid,
			.index = entry->index,
			.state = entry->error[0] ? "refused" : "gone",
			.source = vib_source_name(entry->source),
			.fabric = "-",
			.guid = "-",
			.pkeys = "-",
		};
		struct vib_id vib;

		if (!find_vib(ctl, record->domid, entry->index, &vib))
			continue;
		read_name(ctl, &row);
		snprintf(row.error, sizeof(row.error), "%s",
			 entry->error[0] ? entry->error
					 : "its backend's domain has gone with it");
		if (put(&row, out) < 0)
			return -1;
	}
	return 0;
}

/* Refused vibs of the domains that live. */
static int put_records(struct vibctl *ctl, put_row *put, void *out)
{
	struct record *record = malloc(sizeof(*record));
	char(*uuids)[UUID_STR_LEN] = NULL;
	int n = record ? records_list(ctl->dirs.records, &uuids) : -1;
	int rc = n < 0 ? -1 : 0;

	for (int i = 0; i < n && !rc; i++) {
		if (record_load(ctl->dirs.records, uuids[i], record) < 0)
			failed("%s/%s.json is not a record", ctl->dirs.records, uuids[i]);
		else if (!record->gone_ms && store_domain_lives(ctl->xp, record->domid))
			rc = put_refused(ctl, record, put, out);
	}
	free(uuids);
	free(record);
	return rc;
}

static int compare_vibs(const void *a, const void *b)
{
	const struct vib_id *x = a, *y = b;

	if (x->frontend != y->frontend)
		return x->frontend < y->frontend ? -1 : 1;
	return (x->index > y->index) - (x->index < y->index);
}

static int put_all(struct vibctl *ctl, put_row *put, void *out)
{
	struct vib_id *vibs;
	int n = store_list_vibs(ctl->xp, XENPORT_NO_TRANSACTION, &vibs);
	int rc = n < 0 ? -1 : 0;

	if (n > 0)
		qsort(vibs, (size_t)n, sizeof(*vibs), compare_vibs);
	for (int i = 0; i < n && !rc; i++)
		rc = put_vib(ctl, &vibs[i], put, out);
	free(vibs);
	return rc ? rc : put_records(ctl, put, out);
}

static int put_table(const struct row *row, void *out)
{
	char domid[8], index[8], name[160], fabric[80], guid[80], pkeys[80], error[1024];
	const char *cells[] = {
		domid,
		printable(row->name, name, sizeof(name)),
		index,
		row->state,
		row->exists ? vib_state_name(row->status.frontend) : "-",
		printable(row->fabric, fabric, sizeof(fabric)),
		printable(row->guid, guid, sizeof(guid)),
		printable(row->pkeys, pkeys, sizeof(pkeys)),
		row->source,
		printable(row->error, error, sizeof(error)),
	};

	snprintf(domid, sizeof(domid), "%u", row->domid);
	snprintf(index, sizeof(index), "%u", row->index);
	return table_add(out, cells);
}

static json_t *pkeys_to_json(const char *text)
{
	json_t *array = json_array();
	uint16_t pkeys[SCHEMA_PKEYS_MAX];
	int n = schema_parse_pkeys(text, pkeys, SCHEMA_PKEYS_MAX, NULL);

	for (int i = 0; array && i < n; i++)
		json_array_append_new(array, json_integer(pkeys[i]));
	return array;
}

/* A text of whoever may write it, as JSON can have it. */
static json_t *text_to_json(const char *text)
{
	char quoted[XENPORT_VALUE_MAX];

	return json_string(printable(text, quoted, sizeof(quoted)));
}

static int put_json(const struct row *row, void *out)
{
	json_t *json =
		json_pack("{s:i, s:o, s:i, s:s, s:s}", "domid", (int)row->domid, "name",
			  text_to_json(row->name), "index", (int)row->index, "source",
			  row->source, "backend_state", row->state);

	if (json && row->error[0])
		json_object_set_new(json, "error", text_to_json(row->error));
	if (json && row->exists) {
		json_object_set_new(json, "backend_domid",
				    json_integer(row->vib.backend));
		json_object_set_new(json, "frontend_state",
				    json_string(vib_state_name(row->status.frontend)));
		json_object_set_new(json, "fabric", text_to_json(row->fabric));
		json_object_set_new(json, "port_guid", text_to_json(row->guid));
		json_object_set_new(json, "pkeys", pkeys_to_json(row->pkeys));
	}
	return json_array_append_new(out, json);
}

static error_t parse_option(int key, char *arg, struct argp_state *state)
{
	switch (key) {
	case ARGP_KEY_INIT:
		state->child_inputs[0] = state->input;
		return 0;
	case ARGP_KEY_ARG:
		argp_error(state, "list takes no '%s'; 'vibctl show' takes a domain",
			   arg);
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

static int list_table(struct vibctl *ctl)
{
	static const char *const heads[] = { "ID",       "NAME",   "INDEX",     "BACKEND",
					     "FRONTEND", "FABRIC", "PORT GUID", "P_KEYS",
					     "SOURCE",   "ERROR" };
	struct table table = { .columns = sizeof(heads) / sizeof(*heads) };
	int rc = table_add(&table, heads);

	if (!rc)
		rc = put_all(ctl, put_table, &table);
	if (!rc)
		table_print(&table);
	table_free(&table);
	return rc < 0 ? failed("cannot list the vibs: %s", strerror(errno)) : 0;
}

int cmd_list(struct vibctl *ctl, int argc, char **argv)
{
	static const struct argp argp = {
		.children = json_option,
		.parser = parse_option,
		.doc = "List the vibs of all domains, and those that were refused.",
	};
	bool json = false;
	json_t *array;

	if (argp_parse(&argp, argc, argv, 0, NULL, &json))
		return EXIT_USAGE;
	if (open_store(ctl) < 0)
		return EXIT_REFUSED;
	if (!json)
		return list_table(ctl);

	array = json_array();
	if (!array || put_all(ctl, put_json, array) < 0) {
		json_decref(array);
		return failed("cannot list the vibs: %s", strerror(errno));
	}
	return print_json(array);
}
