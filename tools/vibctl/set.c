// SPDX-License-Identifier: GPL-2.0-or-later
/* vibctl set DOMAIN[/INDEX] KEY=VALUE... */
#include "vibctl.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "provision/change.h"

struct arguments {
	const char *vib;
	struct joined text;
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
		if (!a->vib)
			a->vib = arg;
		else
			join_text(&a->text, arg);
		return 0;
	case ARGP_KEY_END:
		if (!a->vib)
			argp_error(state, "which vib? want DOMAIN or DOMAIN/INDEX");
		else if (!a->text.text[0])
			argp_error(state, "what of it? want KEY=VALUE");
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

/* What is worked on: both texts are large. */
struct work {
	struct vibconf changes, whole;
	char text[VIBCONF_TEXT_MAX]; /* the vib's, with the changes */
	struct record *record;       /* NULL: a reboot does not know the vib anyway */
	struct record_vib *entry;    /* of the record; the same */
};

/* What a reboot is to have: the text of the record with the changes in it. */
static int merge(struct work *w, struct reason *why)
{
	if (!w->entry)
		return 0;
	if (vibconf_parse(w->entry->text, &w->whole, why->text, sizeof(why->text)) < 0 ||
	    vibconf_merge(&w->whole, &w->changes, why->text, sizeof(why->text)) < 0 ||
	    vibconf_text(&w->whole, w->text, why->text, sizeof(why->text)) < 0)
		return -1;
	return 0;
}

static int write_record(struct vibctl *ctl, const struct work *w,
			const struct vib_id *vib)
{
	if (!w->entry) {
		failed("changed, but a reboot of domain %u will not have it: no record "
		       "has"
		       " vib %u; 'vibctl list' shows where vibs come from",
		       vib->frontend, vib->index);
		return 0;
	}
	if (record_put(w->record, vib->index, VIB_FROM_SET, w->text, "") < 0 ||
	    record_save(ctl->dirs.records, w->record) < 0)
		return failed(
			"changed, but a reboot of domain %u will not have it: cannot"
			" write its record in %s: %s",
			vib->frontend, ctl->dirs.records, strerror(errno));
	return 0;
}

static int change(struct vibctl *ctl, struct work *w, const struct vib_id *vib,
		  int *changed)
{
	struct reason why;

	w->record = load_domain_record(ctl, vib->frontend);
	w->entry = w->record ? record_find(w->record, vib->index) : NULL;
	if (merge(w, &why) < 0)
		return failed("%s", why.text);
	*changed = vib_change(ctl->xp, vib, &w->changes, &why);
	if (*changed < 0)
		return failed("vib %u of domain %u: %s", vib->index, vib->frontend,
			      why.text);
	return write_record(ctl, w, vib);
}

static int change_locked(struct vibctl *ctl, struct work *w, const struct vib_id *vib,
			 int *changed)
{
	int lock = records_lock(ctl->dirs.records);
	int status;

	if (lock < 0)
		return failed("cannot lock %s: %s", ctl->dirs.records, strerror(errno));
	status = change(ctl, w, vib, changed);
	close(lock);
	free(w->record);
	return status;
}

static json_t *values_to_json(const struct vibconf *changes)
{
	json_t *json = json_object();

	for (size_t i = 0; json && i < changes->count; i++) {
		const struct vibconf_item *item = &changes->items[i];
		const char *def = item->node->def ? item->node->def : "";

		json_object_set_new(json, item->node->config,
				    json_string(*item->value ? item->value : def));
	}
	return json;
}

static int print_changed(const struct arguments *a, const struct work *w,
			 const struct vib_id *vib, int changed)
{
	if (a->json)
		return print_json(json_pack("{s:i, s:i, s:i, s:o}", "domid",
					    (int)vib->frontend, "index", (int)vib->index,
					    "changed", changed, "keys",
					    values_to_json(&w->changes)));
	if (changed)
		printf("vib %u of domain %u changed\n", vib->index, vib->frontend);
	else
		printf("vib %u of domain %u is so already\n", vib->index, vib->frontend);
	return 0;
}

static int set(struct vibctl *ctl, const struct arguments *a, struct work *w)
{
	struct reason why;
	struct vib_id vib;
	int status, changed = 0;

	if (a->text.too_long)
		return failed("the text is longer than %d characters",
			      VIBCONF_TEXT_MAX - 1);
	if (vibconf_parse_changes(a->text.text, &w->changes, why.text, sizeof(why.text)) <
	    0)
		return failed("%s", why.text);
	if (open_store(ctl) < 0 || find_vib_named(ctl, a->vib, &vib) < 0)
		return EXIT_REFUSED;
	status = change_locked(ctl, w, &vib, &changed);
	return status ? status : print_changed(a, w, &vib, changed);
}

int cmd_set(struct vibctl *ctl, int argc, char **argv)
{
	static const struct argp argp = {
		.children = json_option,
		.parser = parse_option,
		.args_doc = "DOMAIN[/INDEX] KEY=VALUE...",
		.doc = "Change a vib that is attached, now and after reboots of its"
		       " domain. KEY= alone brings back the default.\v"
		       "xl-vib(5) lists the keys, and which can change.",
	};
	struct arguments a = { NULL };
	struct work *w;
	int status;

	if (argp_parse(&argp, argc, argv, 0, NULL, &a))
		return EXIT_USAGE;
	w = calloc(1, sizeof(*w));
	if (!w)
		return failed("out of memory");
	status = set(ctl, &a, w);
	free(w);
	return status;
}
