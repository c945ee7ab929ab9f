// SPDX-License-Identifier: GPL-2.0-or-later
#include "options.h"

#include <argp.h>
#include <errno.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#define MAX_SECONDS 86400

const char *argp_program_version = "traffic (xen-ib) " VIB_VERSION;

static const char doc[] =
	"Move data between two machines over an RC connection and verify every byte.\v"
	"Without HOST this is the server, which waits for a client on TCP port PORT and"
	" lends it memory. The client writes a pattern there (RDMA WRITE), reads it back"
	" (RDMA READ) and compares; the pattern depends on the seed, the round and the"
	" offset. Now and then it sends a message, which the server verifies, and counts"
	" in the server's memory with atomics.\n"
	"\n"
	"Each half prints both addresses when they are connected, a line a second, and at"
	" the end one line of JSON: bytes verified, seconds, corrupt bytes, completions "
	"by"
	" status, requests that never completed, errors, reconnects, and asynchronous"
	" events by name.\n"
	"\n"
	"The server ends when the client says so. With --reconnect it waits for a client"
	" until SECONDS have passed since the first.\n"
	"\n"
	"SIGTERM and SIGINT end a run early, with its last line.\n"
	"\n"
	"EXIT STATUS\n"
	"0: something was verified, nothing was corrupt and, without --reconnect, there"
	" was no error. 1: otherwise. 64: the command line was wrong.";

static const struct argp_option table[] = {
	{ "device", 'd', "NAME", 0, "the RDMA device (vib0)", 0 },
	{ "port", 'p', "PORT", 0, "the TCP port on which the halves meet (18515)", 0 },
	{ "size", 's', "BYTES", 0, "of each message (65536); the client's counts", 0 },
	{ "depth", 'n', "COUNT", 0, "messages under way at once (8); the client's counts",
	  0 },
	{ "time", 't', "SECONDS", 0, "how long the client goes on (10)", 0 },
	{ "seed", 'S', "SEED", 0, "of the pattern (from the clock); the client's counts",
	  0 },
	{ "events", 'e', NULL, 0, "sleep until something completes, do not poll", 0 },
	{ "reconnect", 'r', NULL, 0,
	  "when the QP breaks or the other half is gone, destroy everything, wait until "
	  "the"
	  " port is active, connect anew and go on",
	  0 },
	{ NULL, 0, NULL, 0, NULL, 0 },
};

static uint32_t number(struct argp_state *state, const char *what, const char *text,
		       unsigned long least, unsigned long most)
{
	unsigned long value;
	char *end;

	errno = 0;
	value = strtoul(text, &end, 0);
	if (errno || end == text || *end || *text == '-' || value < least || value > most)
		argp_error(state, "%s '%s': a number from %lu to %lu is wanted", what,
			   text, least, most);
	return value;
}

static error_t parse(int key, char *arg, struct argp_state *state)
{
	struct options *options = state->input;
	char *end;

	switch (key) {
	case 'd':
		options->device = arg;
		return 0;
	case 'p':
		number(state, "port", arg, 1, 65535);
		options->port = arg;
		return 0;
	case 's':
		options->size = number(state, "size", arg, 1, OPTIONS_MAX_SIZE);
		return 0;
	case 'n':
		options->depth = number(state, "depth", arg, 1, OPTIONS_MAX_DEPTH);
		return 0;
	case 't':
		options->seconds = number(state, "time", arg, 1, MAX_SECONDS);
		return 0;
	case 'S':
		errno = 0;
		options->seed = strtoull(arg, &end, 0);
		if (errno || end == arg || *end)
			argp_error(state, "seed '%s' is no number", arg);
		return 0;
	case 'e':
		options->events = true;
		return 0;
	case 'r':
		options->reconnect = true;
		return 0;
	case ARGP_KEY_ARG:
		if (options->host)
			argp_error(state, "one HOST is enough");
		options->host = arg;
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

void options_parse(struct options *options, int argc, char **argv)
{
	static const struct argp argp = {
		.options = table,
		.parser = parse,
		.args_doc = "[HOST]",
		.doc = doc,
	};

	*options = (struct options){
		.device = "vib0",
		.port = "18515",
		.size = 65536,
		.depth = 8,
		.seconds = 10,
		.seed = (uint64_t)time(NULL) << 20 ^ (uint64_t)getpid(),
	};
	argp_parse(&argp, argc, argv, 0, NULL, options);
}
