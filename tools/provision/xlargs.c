// SPDX-License-Identifier: GPL-2.0-or-later
#include "provision/xlargs.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Reading the arguments one by one. */
struct cursor {
	const char *at, *end;
};

static const char *next_arg(struct cursor *c)
{
	const char *arg = c->at;

	if (arg >= c->end)
		return NULL;
	c->at += strlen(arg) + 1;
	return arg;
}

static bool is_xl(const char *argv0)
{
	const char *slash = strrchr(argv0, '/');

	return !strcmp(slash ? slash + 1 : argv0, "xl");
}

/* A short option of "xl create" that takes an argument, at the end of a group
 * (then the argument is the next one) or within it (then it is the rest).
 */
static bool wants_argument(const char *group, const char *options, const char **rest)
{
	for (const char *c = group + 1; *c; c++)
		if (strchr(options, *c)) {
			*rest = c[1] ? c + 1 : NULL;
			return true;
		}
	return false;
}

static int append_line(char **text, const char *line)
{
	size_t old = *text ? strlen(*text) : 0, more = strlen(line);
	char *longer = realloc(*text, old + more + 2);

	if (!longer)
		return -1;
	memcpy(longer + old, line, more);
	strcpy(longer + old + more, "\n");
	*text = longer;
	return 0;
}

/* One option of xl create; its config, if it is the one that names that. */
static const char *take_option(struct cursor *c, const char *arg)
{
	const char *rest = NULL;

	if (!strncmp(arg, "--", 2)) {
		if (!strcmp(arg, "--defconfig"))
			return next_arg(c);
		if (!strncmp(arg, "--defconfig=", 12))
			return arg + 12;
		return NULL;
	}
	if (!wants_argument(arg, "f", &rest))
		return NULL;
	return rest ? rest : next_arg(c);
}

/* What follows "create": options, a config, key=value, in any order. */
static int parse_create(struct cursor *c, struct xl_args *args)
{
	bool options = true;
	const char *arg;

	while ((arg = next_arg(c))) {
		if (options && !strcmp(arg, "--")) {
			options = false;
		} else if (options && arg[0] == '-' && arg[1]) {
			const char *config = take_option(c, arg);

			if (config)
				args->config = config;
		} else if (strchr(arg, '=')) {
			if (append_line(&args->extra, arg) < 0)
				return -1;
		} else if (!args->config) {
			args->config = arg;
		} else {
			return -1; /* xl would refuse it as well */
		}
	}
	return args->config ? 0 : -1;
}

/* "restore [options] [config] checkpoint": the config if there are two. */
static int parse_restore(struct cursor *c, struct xl_args *args)
{
	const char *arg, *files[2];
	size_t count = 0;

	while ((arg = next_arg(c))) {
		if (arg[0] == '-' && arg[1])
			continue;
		if (count == 2)
			return -1;
		files[count++] = arg;
	}
	if (count != 2)
		return -1;
	args->config = files[0];
	return 0;
}

int xl_args_parse(const char *cmdline, size_t length, struct xl_args *args)
{
	struct cursor c = { cmdline, cmdline + length };
	const char *arg = next_arg(&c);
	int rc = -1;

	args->config = NULL;
	args->extra = NULL;
	if (!arg || !is_xl(arg))
		return -1;
	do /* xl's own options, none of which takes an argument */
		arg = next_arg(&c);
	while (arg && arg[0] == '-');

	if (arg && !strcmp(arg, "create"))
		rc = parse_create(&c, args);
	else if (arg && !strcmp(arg, "restore"))
		rc = parse_restore(&c, args);
	if (!rc && !args->extra) {
		args->extra = strdup("");
		rc = args->extra ? 0 : -1;
	}
	if (rc < 0)
		xl_args_free(args);
	return rc;
}

void xl_args_free(struct xl_args *args)
{
	free(args->extra);
	args->extra = NULL;
}
