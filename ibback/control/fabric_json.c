// SPDX-License-Identifier: GPL-2.0-or-later
#include "control/fabric_json.h"

#include <arpa/inet.h>

#include <urcu/compiler.h>

#include "control/answers.h"
#include "control/subnets.h"
#include "control/vib.h"
#include "wire/groups6.h"

/* Members are only added to what json_object() made: one that failed stays out, and so
 * does the object then.
 */
static void put(json_t *to, const char *key, json_t *value)
{
	(void)json_object_set_new(to, key, value);
}

static const char *addresses_name(const struct vport *vport)
{
	switch (vport->addresses) {
	case VPORT_ADDRESSES_READY:
		return vport->on_wire.shared ? "shared" : "ready";
	case VPORT_ADDRESSES_WAIT:
		return "waiting";
	case VPORT_ADDRESSES_REFUSED:
		return "refused";
	}
	return "unknown";
}

static json_t *vport_to_json(const struct vport *vport)
{
	const struct vib *vib = caa_container_of(vport, struct vib, vport);
	struct vib_gid gids[VIB_MAX_GIDS];
	char gid[INET6_ADDRSTRLEN];

	vport_gids(vport, gids);
	inet_ntop(AF_INET6, gids[0].raw, gid, sizeof(gid));
	return json_pack("{s:i, s:i, s:b, s:i, s:s, s:s, s:s}", "domid", (int)vib->domid,
			 "index", (int)vib->index, "local",
			 vib->backend->label[0] != '\0', "lid", (int)vport->lid, "gid",
			 gid, "link", vport_link_is_up(vport) ? "up" : "down",
			 "addresses", addresses_name(vport));
}

static void put_wire(json_t *json, const struct fabric *fabric,
		     const struct wire_view *view)
{
	const struct wire_port_state *state = view->state;

	put(json, "device", json_string(fabric->device));
	put(json, "port", json_integer(fabric->port));
	put(json, "max_hca_mem", json_integer(fabric->max_hca_mem));
	put(json, "present", json_boolean(state != NULL));
	if (view->netdev[0])
		put(json, "netdev", json_string(view->netdev));
	if (fabric->groups)
		put(json, "groups",
		    json_integer((json_int_t)groups6_count(fabric->groups)));
	if (!state)
		return;
	put(json, "link_layer", json_string(state->ethernet ? "Ethernet" : "InfiniBand"));
	put(json, "mtu", json_integer(state->mtu));
	put(json, "cm", json_boolean(subnet_wire_has_cm(subnets_wire(fabric))));
	if (!state->ethernet) {
		put(json, "lid", json_integer(state->lid));
		put(json, "sm_lid", json_integer(state->sm_lid));
	}
}

static json_t *fabric_to_json(const struct fabric *fabric, const struct wires *wires)
{
	json_t *json = json_object(), *vports = json_array();
	const struct vport *vport;
	struct wire_view view;

	LIST_FOREACH(vport, &fabric->vports, entry)
	(void)json_array_append_new(vports, vport_to_json(vport));
	put(json, "name", json_string(fabric->name));
	put(json, "kind", json_string(fabric_kind_name(fabric->kind)));
	put(json, "state", json_string(fabric->up ? "up" : "down"));
	if (wires_view(wires, fabric, &view))
		put_wire(json, fabric, &view);
	put(json, "vports", vports);
	return json;
}

json_t *fabrics_json(const struct admin_source *source)
{
	json_t *fabrics = json_array();
	const struct fabric *fabric;

	LIST_FOREACH(fabric, &source->fabrics->fabrics, entry)
	(void)json_array_append_new(fabrics, fabric_to_json(fabric, source->wires));
	return json_pack("{s:o}", "fabrics", fabrics);
}
