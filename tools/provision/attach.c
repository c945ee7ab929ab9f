// SPDX-License-Identifier: GPL-2.0-or-later
#include "provision/attach.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "vibconf/vibconf.h"
#include "xen-ib/xenstore.h"

/* Everything one try needs; a transaction may take several. */
struct attach {
	struct xenport *xp;
	xenport_tx tx;
	const struct vib_request *request;
	const struct vibconf *conf;
	struct vib_id vib;
	struct vib_id *others; /* all vibs of the host */
	int other_count;
	uint64_t node_guid, port_guid;
	struct reason *why;
};

static int refuse_store(struct attach *a, const char *what)
{
	return refuse(a->why, errno, "xenstore: cannot %s: %s", what, strerror(errno));
}

static int find_backend(struct attach *a)
{
	const char *backend = vibconf_get(a->conf, "backend");
	char name[DOMAIN_NAME_SIZE];
	struct reason cause;

	/* Written into a dead domain's directory, nodes would bring it back. */
	if (!store_domain_lives(a->xp, a->request->domid) ||
	    (a->request->domid != 0 &&
	     store_domain_name(a->xp, a->tx, a->request->domid, name) < 0))
		return refuse(a->why, ENOENT, "there is no domain %u", a->request->domid);
	if (!backend) {
		a->vib.backend = 0;
		return 0;
	}
	if (store_find_domain(a->xp, a->tx, backend, &a->vib.backend, &cause) < 0)
		return refuse(a->why, errno, "backend=%s: %s", backend, cause.text);
	return 0;
}

static int choose_index(struct attach *a)
{
	uint32_t taken = 0;

	for (int i = 0; i < a->other_count; i++)
		if (a->others[i].frontend == a->request->domid)
			taken |= UINT32_C(1) << a->others[i].index;

	if (a->request->index != VIB_ANY_INDEX) {
		a->vib.index = (unsigned int)a->request->index;
		if (a->vib.index > VIB_INDEX_MAX)
			return refuse(a->why, ENOSPC, "a domain has at most %u vibs",
				      VIBS_MAX);
		if (taken & UINT32_C(1) << a->vib.index)
			return refuse(a->why, EEXIST, "domain %u has a vib %u already",
				      a->request->domid, a->vib.index);
		return 0;
	}
	taken |= a->request->reserved;
	if (taken == UINT32_MAX)
		return refuse(a->why, ENOSPC, "domain %u has %u vibs already, the most",
			      a->request->domid, VIBS_MAX);
	a->vib.index = (unsigned int)__builtin_ctz(~taken);
	return 0;
}

static void read_fabric(struct attach *a, const struct vib_id *other,
			char fabric[XENPORT_VALUE_MAX])
{
	struct vib_path path = vib_backend_path(other, VIB_BE_FABRIC);

	if (xenport_read(a->xp, a->tx, path.text, fabric, XENPORT_VALUE_MAX) < 0)
		strcpy(fabric, schema_find(SCHEMA_BACKEND, VIB_BE_FABRIC)->def);
}

/*
 * The vib that has the port GUID @guid, on @fabric if that is not NULL. Of those
 * that the same backend serves: another one has fabrics of its own, and could
 * write into its nodes what would keep others from theirs.
 */
static const struct vib_id *guid_holder(struct attach *a, uint64_t guid,
					const char *fabric)
{
	for (int i = 0; i < a->other_count; i++) {
		struct vib_path path = vib_backend_path(&a->others[i], VIB_BE_PORT_GUID);
		char text[32], its_fabric[XENPORT_VALUE_MAX];
		uint64_t its;

		if (a->others[i].backend != a->vib.backend)
			continue;
		if (xenport_read(a->xp, a->tx, path.text, text, sizeof(text)) < 0 ||
		    schema_parse_guid(text, &its, NULL) < 0 || its != guid)
			continue;
		read_fabric(a, &a->others[i], its_fabric);
		if (!fabric || !strcmp(fabric, its_fabric))
			return &a->others[i];
	}
	return NULL;
}

static int refuse_dying(struct attach *a, const struct vib_id *holder)
{
	return refuse(a->why, EBUSY,
		      "port GUID 0x%016" PRIx64
		      " is still that of vib %u of domain %u, which is gone;"
		      " vibd removes it",
		      a->port_guid, holder->index, holder->frontend);
}

static int configured_port_guid(struct attach *a, const char *text)
{
	const char *fabric = vibconf_get(a->conf, "fabric");
	const struct vib_id *holder;

	if (!fabric)
		fabric = schema_find(SCHEMA_BACKEND, VIB_BE_FABRIC)->def;
	schema_parse_guid(text, &a->port_guid, NULL); /* vibconf accepted it */
	holder = guid_holder(a, a->port_guid, fabric);
	if (!holder)
		return 0;
	if (!store_domain_lives(a->xp, holder->frontend))
		return refuse_dying(a, holder);
	return refuse(a->why, EEXIST,
		      "port_guid=%s is in use on fabric '%s' by vib %u of domain %u;"
		      " want one unique on its fabric",
		      text, fabric, holder->index, holder->frontend);
}

static int choose_guids(struct attach *a)
{
	const struct vib_request *rq = a->request;
	const char *node = vibconf_get(a->conf, "node_guid");
	const char *port = vibconf_get(a->conf, "port_guid");
	const struct vib_id *holder;
	unsigned int turn = 0;

	if (port && configured_port_guid(a, port) < 0)
		return -1;
	for (; !port; turn++) {
		a->port_guid = guid_make(rq->host, rq->name, a->vib.index, "port", turn);
		holder = guid_holder(a, a->port_guid, NULL);
		if (!holder)
			break;
		if (!store_domain_lives(a->xp, holder->frontend))
			return refuse_dying(a, holder);
	}
	if (node)
		schema_parse_guid(node, &a->node_guid, NULL);
	else
		a->node_guid = guid_make(rq->host, rq->name, a->vib.index, "node", turn);
	return 0;
}

static int put(struct attach *a, struct vib_path path, const char *value)
{
	return xenport_write(a->xp, a->tx, path.text, value);
}

static int put_uint(struct attach *a, struct vib_path path, unsigned int value)
{
	char text[16];

	snprintf(text, sizeof(text), "%u", value);
	return put(a, path, text);
}

static int put_guid(struct attach *a, struct vib_path path, uint64_t value)
{
	char text[24];

	snprintf(text, sizeof(text), "0x%016" PRIx64, value);
	return put(a, path, text);
}

/* The directories above inherit from what libxl made, as its own devices' do:
 * device/ is Dom0's and readable by the guest, backend/ is Dom0's and, in a
 * driver domain, readable by that.
 */
static int write_frontend(struct attach *a)
{
	const struct vib_id *vib = &a->vib;
	struct xenport_perms perms = { .owner = vib->frontend, .reader = vib->backend };

	if (xenport_mkdir(a->xp, a->tx, vib_frontend_path(vib, "").text, &perms) < 0 ||
	    put(a, vib_frontend_path(vib, VIB_FE_BACKEND),
		vib_backend_path(vib, "").text) < 0 ||
	    put_uint(a, vib_frontend_path(vib, VIB_FE_BACKEND_ID), vib->backend) < 0 ||
	    put_uint(a, vib_frontend_path(vib, VIB_FE_STATE), 1) < 0)
		return refuse_store(a, "write the frontend's nodes");
	return 0;
}

static void printable(const char *text, char *out, size_t size)
{
	size_t n;

	for (n = 0; text[n] && n + 1 < size; n++)
		out[n] = text[n] < ' ' || text[n] > '~' ? '?' : text[n];
	out[n] = '\0';
}

static int write_config(struct attach *a)
{
	for (size_t i = 0; i < a->conf->count; i++) {
		const struct vibconf_item *item = &a->conf->items[i];

		/* Its domain is resolved, so it is written as a number. */
		if (item->node->side != SCHEMA_BACKEND)
			continue;
		if (put(a, vib_backend_path(&a->vib, item->node->key), item->value) < 0)
			return -1;
	}
	return 0;
}

static int write_backend(struct attach *a)
{
	const struct vib_id *vib = &a->vib;
	struct xenport_perms perms = { .owner = vib->backend, .reader = vib->frontend };
	char name[DOMAIN_NAME_SIZE];

	printable(a->request->name, name, sizeof(name));
	if (xenport_mkdir(a->xp, a->tx, vib_backend_path(vib, "").text, &perms) < 0 ||
	    put(a, vib_backend_path(vib, VIB_BE_FRONTEND),
		vib_frontend_path(vib, "").text) < 0 ||
	    put_uint(a, vib_backend_path(vib, VIB_BE_FRONTEND_ID), vib->frontend) < 0 ||
	    put_uint(a, vib_backend_path(vib, VIB_BE_ONLINE), 1) < 0 ||
	    put(a, vib_backend_path(vib, VIB_BE_DOMAIN), name) < 0 ||
	    write_config(a) < 0 ||
	    put_guid(a, vib_backend_path(vib, VIB_BE_NODE_GUID), a->node_guid) < 0 ||
	    put_guid(a, vib_backend_path(vib, VIB_BE_PORT_GUID), a->port_guid) < 0 ||
	    put_uint(a, vib_backend_path(vib, VIB_BE_STATE), 1) < 0)
		return refuse_store(a, "write the backend's nodes");
	return 0;
}

static int attach_all(struct attach *a)
{
	a->other_count = store_list_vibs(a->xp, a->tx, &a->others);
	if (a->other_count < 0)
		return refuse_store(a, "list the vibs");
	if (find_backend(a) < 0 || choose_index(a) < 0 || choose_guids(a) < 0)
		return -1;
	/* What a guest put there before us must not stay. */
	if (xenport_rm(a->xp, a->tx, vib_frontend_path(&a->vib, "").text) < 0)
		return refuse_store(a, "remove an old frontend directory");
	if (write_frontend(a) < 0 || write_backend(a) < 0)
		return -1;
	return 0;
}

/* One try. */
static int attach_in_tx(struct xenport *xp, xenport_tx tx, void *arg)
{
	struct attach *a = arg;
	int rc, error;

	(void)xp;
	a->tx = tx;
	rc = attach_all(a);
	error = errno;
	free(a->others);
	a->others = NULL;
	errno = error;
	return rc;
}

static int refuse_transaction(struct attach *a)
{
	if (errno == EAGAIN)
		return refuse(a->why, EAGAIN, "xenstore is too busy; try again");
	return refuse_store(a, "begin or end a transaction");
}

int vib_attach(struct xenport *xp, const struct vib_request *request, struct vib_id *vib,
	       struct reason *why)
{
	struct vibconf *conf = malloc(sizeof(*conf));
	struct attach a = { .xp = xp, .request = request, .conf = conf, .why = why };
	int rc, error;

	if (!conf)
		return refuse(why, ENOMEM, "out of memory");
	a.vib.frontend = request->domid;
	rc = vibconf_parse(request->text, conf, why->text, sizeof(why->text));
	if (rc >= 0) {
		why->text[0] = '\0';
		rc = store_transact(xp, attach_in_tx, &a);
		/* The transaction itself has no words. */
		if (rc < 0 && !why->text[0])
			rc = refuse_transaction(&a);
	}
	error = errno;
	free(conf);
	errno = error;
	if (!rc)
		*vib = a.vib;
	return rc;
}

bool vib_exists(struct xenport *xp, uint16_t domid, unsigned int index)
{
	struct vib_id *vibs;
	int n = store_list_vibs(xp, XENPORT_NO_TRANSACTION, &vibs);
	bool found = false;

	for (int i = 0; i < n; i++)
		if (vibs[i].frontend == domid && vibs[i].index == index)
			found = true;
	free(vibs);
	return found;
}
