// SPDX-License-Identifier: GPL-2.0-or-later
/* vibctl: give, take and look at the vibs of Xen domains. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "vibctl.h"

const char *argp_program_version = "vibctl (xen-ib) " VIB_VERSION;

static const struct command {
	const char *name;
	int (*run)(struct vibctl *ctl, int argc, char **argv);
	const char *doc;
} commands[] = {
	{ "attach", cmd_attach, "give a domain a vib" },
	{ "detach", cmd_detach, "take a vib from a domain" },
	{ "set", cmd_set, "change a vib that is attached" },
	{ "list", cmd_list, "all vibs, and those that were refused" },
	{ "show", cmd_show, "every node of a domain's vibs" },
	{ "stats", cmd_stats, "what ibback has counted of vibs" },
	{ "fabric", cmd_fabric, "the fabrics that ibback has" },
	{ "check", cmd_check, "see whether a config is right, and change nothing" },
};

struct arguments {
	const struct command *command;
	int first; /* its index in argv */
};

/* Of the commands, joined by commas. */
static const char *command_names(char *out, size_t size)
{
	int n = 0;

	for (size_t i = 0; i < sizeof(commands) / sizeof(*commands); i++)
		n += snprintf(out + n, size - (size_t)n, "%s%s", i ? ", " : "",
			      commands[i].name);
	return out;
}

static error_t parse_option(int key, char *arg, struct argp_state *state)
{
	struct arguments *arguments = state->input;
	char names[128];

	switch (key) {
	case ARGP_KEY_ARG:
		for (size_t i = 0; i < sizeof(commands) / sizeof(*commands); i++)
			if (!strcmp(arg, commands[i].name))
				arguments->command = &commands[i];
		if (!arguments->command)
			argp_error(state, "there is no command '%s'; want one of %s", arg,
				   command_names(names, sizeof(names)));
		arguments->first = state->next - 1;
		state->next = state->argc; /* the rest is the command's */
		return 0;
	case ARGP_KEY_NO_ARGS:
		argp_usage(state);
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

/* argp prints this behind the options. */
static char *list_commands(int key, const char *text, void *input)
{
	char *out = NULL;
	size_t size;
	FILE *f;

	(void)input;
	if (key != ARGP_KEY_HELP_POST_DOC)
		return (char *)text;
	f = open_memstream(&out, &size);
	if (!f)
		return NULL;
	fputs("Commands:\n", f);
	for (size_t i = 0; i < sizeof(commands) / sizeof(*commands); i++)
		fprintf(f, "  %-8s %s\n", commands[i].name, commands[i].doc);
	fputs("\n'vibctl COMMAND --help' says more. See vibctl(8).", f);
	fclose(f);
	return out;
}

int main(int argc, char **argv)
{
	static const struct argp argp = {
		.parser = parse_option,
		.args_doc = "COMMAND [ARGUMENT...]",
		.doc = "Give, take and look at the InfiniBand devices (vibs) of Xen"
		       " domains.\v ",
		.help_filter = list_commands,
	};
	struct arguments arguments = { NULL, 0 };
	struct vibctl ctl = { .xp = NULL };
	char name[32];
	int status;

	argp_err_exit_status = EXIT_USAGE;
	argp_parse(&argp, argc, argv, ARGP_IN_ORDER, NULL, &arguments);

	snprintf(name, sizeof(name), "vibctl %s", arguments.command->name);
	argv[arguments.first] = name;
	dirs_from_environment(&ctl.dirs);
	status = arguments.command->run(&ctl, argc - arguments.first,
					argv + arguments.first);
	if (ctl.xp)
		xenport_close(ctl.xp);
	if (fflush(stdout) || ferror(stdout))
		return failed("cannot write: %s", strerror(errno));
	return status;
}
