// SPDX-License-Identifier: GPL-2.0-or-later
/* vibctl detach DOMAIN INDEX */
#include "vibctl.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "provision/detach.h"
#include "provision/states.h"

struct arguments {
	const char *domain, *index;
	bool force, json;
	unsigned int timeout_s;
};

static const struct argp_option options[] = {
	{ "force", 'f', NULL, 0, "Remove it at once, whatever its backend does", 0 },
	{ "timeout", 't', "SECONDS", 0, "Wait this long for the backend to close (10)",
	  0 },
	{ NULL, 0, NULL, 0, NULL, 0 },
};

static error_t parse_option(int key, char *arg, struct argp_state *state)
{
	struct arguments *a = state->input;

	switch (key) {
	case ARGP_KEY_INIT:
		state->child_inputs[0] = &a->json;
		return 0;
	case 'f':
		a->force = true;
		return 0;
	case 't':
		a->timeout_s = parse_seconds(state, arg);
		return 0;
	case ARGP_KEY_ARG:
		if (!a->domain)
			a->domain = arg;
		else if (!a->index)
			a->index = arg;
		else
			argp_error(state, "one domain and one index at a time");
		return 0;
	case ARGP_KEY_END:
		if (!a->index)
			argp_error(state, "which vib? want a domain and an index, as"
					  " 'vibctl list' shows");
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

/* A reboot is not to bring the vib back. Returns true if it was recorded. */
static bool forget(struct vibctl *ctl, uint16_t domid, unsigned int index)
{
	int lock = records_lock(ctl->dirs.records);
	struct record *record = load_domain_record(ctl, domid);
	bool found = record && record_take(record, index);
	int rc = 0;

	if (found)
		rc = record->count ? record_save(ctl->dirs.records, record)
				   : record_drop(ctl->dirs.records, record->uuid);
	if (rc < 0)
		failed("a reboot will bring it back: cannot change its record in %s: %s",
		       ctl->dirs.records, strerror(errno));
	if (lock >= 0)
		close(lock);
	free(record);
	return found;
}

static int close_vib(struct vibctl *ctl, const struct arguments *a,
		     const struct vib_id *vib)
{
	struct vib_status status;
	int wait = vib_close(ctl->xp, vib);
	int closed = wait > 0
			     ? wait_for_vib(ctl->xp, vib, vib_closed, a->timeout_s * 1000)
			     : 1;

	if (wait < 0 || closed < 0)
		return failed("cannot close vib %u of domain %u: %s", vib->index,
			      vib->frontend, strerror(errno));
	if (closed || vib_read_status(ctl->xp, vib, &status) < 0)
		return 0;
	return failed("vib %u of domain %u: its backend is %s after %u s, not closed;"
		      " nothing has been removed; --force removes it all the same",
		      vib->index, vib->frontend, vib_state_name(status.backend),
		      a->timeout_s);
}

/* No backend has it: perhaps it was refused, or the backend's domain died. */
static int detach_leftover(struct vibctl *ctl, uint16_t domid, unsigned int index)
{
	struct vib_id vib = { 0, domid, index };
	bool nodes = store_has(ctl->xp, XENPORT_NO_TRANSACTION,
			       vib_frontend_path(&vib, "").text);

	if (nodes && vib_remove(ctl->xp, &vib) < 0)
		return failed("cannot remove vib %u of domain %u: %s", index, domid,
			      strerror(errno));
	if (!forget(ctl, domid, index) && !nodes)
		return failed(
			"domain %u has no vib %u; 'vibctl list' shows those there are",
			domid, index);
	return 0;
}

static int detach(struct vibctl *ctl, const struct arguments *a, uint16_t domid,
		  unsigned int index)
{
	struct vib_id vib;
	int status = 0;

	if (find_vib(ctl, domid, index, &vib) < 0)
		return detach_leftover(ctl, domid, index);
	if (!a->force)
		status = close_vib(ctl, a, &vib);
	if (status)
		return status;
	forget(ctl, domid, index);
	if (vib_remove(ctl->xp, &vib) < 0)
		return failed("cannot remove vib %u of domain %u: %s", index, domid,
			      strerror(errno));
	return 0;
}

int cmd_detach(struct vibctl *ctl, int argc, char **argv)
{
	static const struct argp argp = {
		.options = options,
		.children = json_option,
		.parser = parse_option,
		.args_doc = "DOMAIN INDEX",
		.doc = "Take a vib from a domain, now and after its reboots.",
	};
	struct arguments a = { .timeout_s = 10 };
	unsigned int index;
	uint16_t domid;
	int status;

	if (argp_parse(&argp, argc, argv, 0, NULL, &a))
		return EXIT_USAGE;
	if (parse_index(a.index, &index) < 0 || open_store(ctl) < 0 ||
	    resolve_domain(ctl, a.domain, true, &domid) < 0)
		return EXIT_REFUSED;
	status = detach(ctl, &a, domid, index);
	if (!status && a.json)
		return print_json(json_pack("{s:i, s:i, s:b}", "domid", (int)domid,
					    "index", (int)index, "removed", 1));
	if (!status)
		printf("vib %u of domain %u removed\n", index, domid);
	return status;
}
