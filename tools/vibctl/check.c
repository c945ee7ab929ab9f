// SPDX-License-Identifier: GPL-2.0-or-later
/* vibctl check FILE | --text TEXT */
#include "vibctl.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "vibconf/vibconf.h"

struct arguments {
	const char *file, *text;
	bool json;
};

static const struct argp_option options[] = {
	{ "text", 't', "TEXT", 0, "Check one vib's 'key=value, ...' and no file", 0 },
	{ NULL, 0, NULL, 0, NULL, 0 },
};

static error_t parse_option(int key, char *arg, struct argp_state *state)
{
	struct arguments *a = state->input;

	switch (key) {
	case ARGP_KEY_INIT:
		state->child_inputs[0] = &a->json;
		return 0;
	case 't':
		a->text = arg;
		return 0;
	case ARGP_KEY_ARG:
		if (a->file)
			argp_error(state, "one file at a time");
		a->file = arg;
		return 0;
	case ARGP_KEY_END:
		if (!a->file == !a->text)
			argp_error(state,
				   "want an xl config, or --text and a vib's text");
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

/* What a vib's text amounts to: {"index", "keys": {...}} or {"index", "error"}. */
static json_t *text_to_json(unsigned int index, const char *text, bool is_text,
			    struct vibconf *conf)
{
	struct reason why;
	json_t *keys;

	if (!is_text)
		return json_pack("{s:i, s:s}", "index", (int)index, "error",
				 XLCONF_NO_TEXT);

	if (vibconf_parse(text, conf, why.text, sizeof(why.text)) < 0)
		return json_pack("{s:i, s:s}", "index", (int)index, "error", why.text);
	keys = json_object();
	for (size_t i = 0; i < conf->count; i++)
		json_object_set_new(keys, conf->items[i].node->config,
				    json_string(conf->items[i].value));
	return json_pack("{s:i, s:o}", "index", (int)index, "keys", keys);
}

static void print_checked(json_t *checked)
{
	const char *error = json_string_value(json_object_get(checked, "error"));
	const char *key, *between = "";
	json_t *value;

	printf("vib %d: ", (int)json_integer_value(json_object_get(checked, "index")));
	if (error) {
		printf("refused: %s\n", error);
		return;
	}
	json_object_foreach (json_object_get(checked, "keys"), key, value) {
		printf("%s%s=%s", between, key, json_string_value(value));
		between = ", ";
	}
	puts(*between ? "" : "all defaults");
}

/* Print what was found, release it, and say whether all of it is right. */
static int report(json_t *vibs, bool as_json)
{
	json_t *checked;
	int status = 0;
	size_t i;

	json_array_foreach (vibs, i, checked) {
		if (json_object_get(checked, "error"))
			status = EXIT_REFUSED;
		if (!as_json)
			print_checked(checked);
	}
	if (as_json)
		return print_json(vibs) ? EXIT_REFUSED : status;
	json_decref(vibs);
	return status;
}

static int check_texts(const struct xlconf *conf, bool as_json)
{
	struct vibconf *parsed = malloc(sizeof(*parsed));
	json_t *vibs = json_array();
	int rc = parsed && vibs ? 0 : -1;

	for (size_t i = 0; !rc && i < conf->count; i++)
		rc = json_array_append_new(
			vibs, text_to_json((unsigned int)i, conf->texts[i],
					   !(conf->no_text >> i & 1), parsed));
	free(parsed);
	if (rc < 0) {
		json_decref(vibs);
		return failed("out of memory");
	}
	return report(vibs, as_json);
}

static int check_file(const struct arguments *a)
{
	struct xlconf conf;
	struct reason why;
	int status;

	if (xlconf_read(AT_FDCWD, a->file, "", &conf, &why) < 0)
		return failed("%s", why.text);
	if (conf.error[0]) {
		xlconf_free(&conf);
		return failed("%s: %s", a->file, conf.error);
	}
	if (!conf.has_vib && !a->json)
		printf("%s: no vib in it\n", a->file);
	status = check_texts(&conf, a->json);
	xlconf_free(&conf);
	return status;
}

int cmd_check(struct vibctl *ctl, int argc, char **argv)
{
	static const struct argp argp = {
		.options = options,
		.children = json_option,
		.parser = parse_option,
		.args_doc = "FILE\n--text TEXT",
		.doc = "See whether the vibs of an xl config, or one vib's text, are "
		       "right."
		       " Nothing is changed, and no Xen is needed.",
	};
	struct arguments a = { NULL, NULL, false };
	char text[1][VIB_TEXT_SIZE];
	struct xlconf conf = { .has_vib = true, .count = 1, .texts = text };

	(void)ctl;
	if (argp_parse(&argp, argc, argv, 0, NULL, &a))
		return EXIT_USAGE;
	if (a.file)
		return check_file(&a);
	snprintf(text[0], sizeof(text[0]), "%s", a.text);
	return check_texts(&conf, a.json);
}
