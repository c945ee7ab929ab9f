// SPDX-License-Identifier: GPL-2.0-or-later
/* vibctl attach DOMAIN [key=value...] */
#include "vibctl.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "provision/attach.h"
#include "provision/states.h"
#include "xen-ib/xenstore.h"

struct arguments {
	const char *domain;
	struct joined text;
	bool wait, json;
	unsigned int timeout_s;
};

enum { OPTION_NO_WAIT = 256 };

static const struct argp_option options[] = {
	{ "no-wait", OPTION_NO_WAIT, NULL, 0, "Do not wait for backend and frontend", 0 },
	{ "timeout", 't', "SECONDS", 0, "Wait this long at most (30)", 0 },
	{ NULL, 0, NULL, 0, NULL, 0 },
};

static error_t parse_option(int key, char *arg, struct argp_state *state)
{
	struct arguments *a = state->input;

	switch (key) {
	case ARGP_KEY_INIT:
		state->child_inputs[0] = &a->json;
		return 0;
	case OPTION_NO_WAIT:
		a->wait = false;
		return 0;
	case 't':
		a->timeout_s = parse_seconds(state, arg);
		return 0;
	case ARGP_KEY_ARG:
		if (!a->domain)
			a->domain = arg;
		else
			join_text(&a->text, arg);
		return 0;
	case ARGP_KEY_NO_ARGS:
		argp_error(state, "whose vib? want a domain's name or number");
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

/* Both sides are connected, or it will not come to that. */
static bool is_settled(struct xenport *xp, const struct vib_id *vib)
{
	struct vib_status status;

	return vib_read_status(xp, vib, &status) < 0 || status.error[0] ||
	       (status.backend == VIB_CONNECTED && status.frontend == VIB_CONNECTED);
}

static uint32_t refused_indices(const struct record *record)
{
	uint32_t mask = 0;

	for (size_t i = 0; i < record->count; i++)
		mask |= UINT32_C(1) << record->vibs[i].index;
	return mask;
}

/* Make the vib, and note it in the record so that a reboot keeps it. */
static int attach_and_record(struct vibctl *ctl, const struct arguments *a,
			     uint16_t domid, struct record *record, struct vib_id *vib)
{
	char name[DOMAIN_NAME_SIZE], uuid[UUID_STR_LEN];
	struct guid_host host;
	struct reason why;
	struct vib_request request = {
		.domid = domid,
		.index = VIB_ANY_INDEX,
		.name = name,
		.text = a->text.text,
		.host = &host,
	};

	if (store_domain_name(ctl->xp, XENPORT_NO_TRANSACTION, domid, name) < 0 ||
	    store_domain_uuid(ctl->xp, domid, uuid) < 0)
		return failed("domain %u has no name or UUID in xenstore: %s", domid,
			      strerror(errno));
	guid_host_read(&host, ctl->dirs.machine_id);
	if (record_load(ctl->dirs.records, uuid, record) < 0)
		record_init(record, uuid, name, domid);
	request.reserved = refused_indices(record);

	if (vib_attach(ctl->xp, &request, vib, &why) < 0)
		return failed("%s", why.text);
	record->domid = domid;
	record->gone_ms = 0;
	if (record_put(record, vib->index, VIB_FROM_ATTACH, a->text.text, "") < 0 ||
	    record_save(ctl->dirs.records, record) < 0)
		failed("attached, but a reboot will not bring it back: cannot write its"
		       " record in %s: %s",
		       ctl->dirs.records, strerror(errno));
	return 0;
}

static int attach_locked(struct vibctl *ctl, const struct arguments *a, uint16_t domid,
			 struct vib_id *vib)
{
	struct record *record = malloc(sizeof(*record));
	int lock = records_lock(ctl->dirs.records);
	int status;

	if (!record)
		status = failed("out of memory");
	else if (lock < 0)
		status = failed("cannot lock %s: %s", ctl->dirs.records, strerror(errno));
	else
		status = attach_and_record(ctl, a, domid, record, vib);
	if (lock >= 0)
		close(lock);
	free(record);
	return status;
}

static int wait_settled(struct vibctl *ctl, const struct arguments *a,
			const struct vib_id *vib)
{
	struct vib_status status;
	char quoted[256];

	if (wait_for_vib(ctl->xp, vib, is_settled, a->timeout_s * 1000) < 0)
		return failed("cannot wait for it: %s", strerror(errno));
	if (vib_read_status(ctl->xp, vib, &status) < 0)
		return failed("vib %u of domain %u has been removed meanwhile",
			      vib->index, vib->frontend);
	if (status.error[0])
		return failed(
			"vib %u of domain %u is there, but its backend refused it: %s",
			vib->index, vib->frontend,
			printable(status.error, quoted, sizeof(quoted)));
	if (is_settled(ctl->xp, vib))
		return 0;
	if (status.backend == VIB_INITIALISING)
		return failed("vib %u of domain %u is there, but no backend took it up in"
			      " %u s; is ibback running in domain %u?",
			      vib->index, vib->frontend, a->timeout_s, vib->backend);
	return failed("vib %u of domain %u is there, but is not connected after %u s:"
		      " backend %s, frontend %s; has the guest loaded ibfront?",
		      vib->index, vib->frontend, a->timeout_s,
		      vib_state_name(status.backend), vib_state_name(status.frontend));
}

static int print_made(struct vibctl *ctl, const struct arguments *a,
		      const struct vib_id *vib)
{
	char guid[SCHEMA_VALUE_MAX];

	vib_read_backend(ctl->xp, vib, VIB_BE_PORT_GUID, guid);
	if (a->json)
		return print_json(json_pack("{s:i, s:i, s:i, s:s}", "domid",
					    (int)vib->frontend, "index", (int)vib->index,
					    "backend_domid", (int)vib->backend,
					    "port_guid", guid));
	printf("vib %u of domain %u, port GUID %s\n", vib->index, vib->frontend, guid);
	fflush(stdout);
	return 0;
}

int cmd_attach(struct vibctl *ctl, int argc, char **argv)
{
	static const struct argp argp = {
		.options = options,
		.children = json_option,
		.parser = parse_option,
		.args_doc = "DOMAIN [KEY=VALUE...]",
		.doc = "Give a running domain a vib, now and after its reboots.\v"
		       "xl-vib(5) lists the keys.",
	};
	struct arguments a = { .wait = true, .timeout_s = 30 };
	struct vibconf *conf = malloc(sizeof(*conf));
	struct reason why;
	struct vib_id vib;
	uint16_t domid;
	int status;

	if (!conf)
		return failed("out of memory");
	if (argp_parse(&argp, argc, argv, 0, NULL, &a)) {
		free(conf);
		return EXIT_USAGE;
	}
	if (a.text.too_long)
		status = refuse(&why, EINVAL, "the text is longer than %d characters",
				VIBCONF_TEXT_MAX - 1);
	else
		status = vibconf_parse(a.text.text, conf, why.text, sizeof(why.text));
	free(conf);
	if (status < 0)
		return failed("%s", why.text);

	if (open_store(ctl) < 0 || resolve_domain(ctl, a.domain, false, &domid) < 0)
		return EXIT_REFUSED;
	status = attach_locked(ctl, &a, domid, &vib);
	if (!status)
		status = print_made(ctl, &a, &vib);
	if (!status && a.wait)
		status = wait_settled(ctl, &a, &vib);
	return status;
}
