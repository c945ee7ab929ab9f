// SPDX-License-Identifier: GPL-2.0-or-later
/* The whole control thread against guests in memory. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include <xen-ib/xenstore.h>

#include "cm.h"
#include "control/backend.h"
#include "control/vib_serve.h"
#include "engine/engine.h"
#include "engine/objects.h"
#include "fake_guest.h"
#include "log.h"
#include "schema/schema.h"

#define BE "/local/domain/0/backend/vib/1/0"
#define FE "/local/domain/1/device/vib/0"

struct world {
	uv_loop_t loop;
	struct fake_xen *xen;
	struct fabric_table fabrics;
	struct engine *engine; /* no poller of it runs */
	struct backend backend;
};

static void put(struct world *w, const char *path, const char *value)
{
	assert_int_equal(xenport_write(fake_xen_port(w->xen), 0, path, value), 0);
}

static const char *get(struct world *w, const char *path)
{
	return fake_value(fake_xen_store(w->xen), path);
}

static void assert_node(struct world *w, const char *path, const char *value)
{
	const char *is = get(w, path);

	assert_non_null(is);
	assert_string_equal(is, value);
}

static void start(struct world *w)
{
	assert_int_equal(backend_start(&w->backend, &w->loop, fake_xen_port(w->xen),
				       &w->fabrics, w->engine, 0,
				       &fake_jobs(w->xen)->jobs, ""),
			 0);
	fake_settle(w->xen);
}

static void stop(struct world *w)
{
	backend_stop(&w->backend);
	fake_settle(w->xen);
}

static int set_up(void **state)
{
	struct world *w = calloc(1, sizeof(*w));

	log_open("test", 0); /* what is refused on purpose is no news */
	uv_loop_init(&w->loop);
	w->xen = fake_xen_new(&w->loop);
	fabric_table_init(&w->fabrics);
	fabric_add(&w->fabrics, "local");
	rcu_register_thread();
	w->engine = engine_new(1, POLL_ALWAYS);
	assert_non_null(w->engine);
	assert_int_equal(engine_add_xen(w->engine, fake_xen_port(w->xen)), 0);
	put(w, "/local/domain/0/domid", "0");
	fake_introduce(fake_xen_store(w->xen), 1, "uuid", "guest");
	start(w);
	*state = w;
	return 0;
}

static int tear_down(void **state)
{
	struct world *w = *state;

	stop(w);
	/* Whatever a test did, nothing may be left. */
	assert_int_equal(fake_mappings(w->xen), 0);
	assert_int_equal(fake_bound_ports(w->xen), 0);
	assert_int_equal(uv_loop_close(&w->loop), 0);
	fabric_table_free(&w->fabrics);
	engine_free(w->engine);
	rcu_unregister_thread();
	fake_xen_free(w->xen);
	free(w);
	return 0;
}

/* What the toolstack writes for a vib of domain @domid. */
static void plug_node(struct world *w, unsigned int domid, const char *guid,
		      const char *node)
{
	static const char *const both[][2] = {
		{ VIB_BE_ONLINE, "1" },
		{ VIB_BE_DOMAIN, "guest" },
		{ VIB_BE_STATE, "1" },
	};
	char be[64], fe[64], path[128], text[16];

	snprintf(be, sizeof(be), "/local/domain/0/backend/vib/%u/0", domid);
	snprintf(fe, sizeof(fe), "/local/domain/%u/device/vib/0", domid);
	snprintf(text, sizeof(text), "%u", domid);
	snprintf(path, sizeof(path), "%s/state", fe);
	put(w, path, "1");
	snprintf(path, sizeof(path), "%s/frontend", be);
	put(w, path, fe);
	snprintf(path, sizeof(path), "%s/frontend-id", be);
	put(w, path, text);
	snprintf(path, sizeof(path), "%s/port-guid", be);
	put(w, path, guid);
	snprintf(path, sizeof(path), "%s/" VIB_BE_NODE_GUID, be);
	put(w, path, node);
	for (size_t i = 0; i < 3; i++) {
		snprintf(path, sizeof(path), "%s/%s", be, both[i][0]);
		put(w, path, both[i][1]);
	}
	fake_settle(w->xen);
}

static void plug_domain(struct world *w, unsigned int domid, const char *guid)
{
	plug_node(w, domid, guid, guid);
}

static void plug(struct world *w)
{
	plug_domain(w, 1, "0x02163e0000000001");
}

/* What ibfront in @domid writes: pages 0 to 2, event channel 5, the backend's session. */
static void answer_from(struct world *w, unsigned int domid)
{
	char session[64], path[128];
	const char *const nodes[][2] = {
		{ VIB_FE_VERSION, "1" },     { VIB_FE_SESSION, session },
		{ VIB_FE_CONTROL_REF, "0" }, { VIB_FE_RING_REF, "1" },
		{ VIB_FE_ASYNC_REF, "2" },   { VIB_FE_EVENT_CHANNEL, "5" },
		{ VIB_FE_STATE, "3" },
	};

	snprintf(path, sizeof(path), "/local/domain/0/backend/vib/%u/0/" VIB_BE_SESSION,
		 domid);
	snprintf(session, sizeof(session), "%s", get(w, path));
	memset(fake_page(w->xen, 0), 0, VIB_PAGE_SIZE);
	memset(fake_page(w->xen, 2), 0, VIB_PAGE_SIZE);
	SHARED_RING_INIT((struct vib_control_sring *)fake_page(w->xen, 1));
	for (size_t i = 0; i < sizeof(nodes) / sizeof(nodes[0]); i++) {
		snprintf(path, sizeof(path), "/local/domain/%u/device/vib/0/%s", domid,
			 nodes[i][0]);
		put(w, path, nodes[i][1]);
	}
	fake_settle(w->xen);
}

static void answer(struct world *w)
{
	answer_from(w, 1);
}

static void connect_guest(struct world *w)
{
	plug(w);
	assert_node(w, BE "/state", "2");
	answer(w);
	assert_node(w, BE "/state", "4");
	put(w, FE "/state", "4");
	fake_settle(w->xen);
}

static uint8_t alive(struct world *w)
{
	return ((struct vib_control_page *)fake_page(w->xen, 0))->backend_alive;
}

/* ---- tests ----------------------------------------------------------------- */

static void connects_and_answers(void **state)
{
	struct world *w = *state;
	struct vib_control_sring *ring = fake_page(w->xen, 1);

	connect_guest(w);
	assert_int_equal(alive(w), 1);
	assert_int_equal(fake_mappings(w->xen), 3);

	ring->ring[0].req = (struct vib_control_request){ .id = 9,
							  .operation = VIB_CMD_QUERY_PORT,
							  .port = VIB_PORT };
	ring->rsp_event = 1;
	ring->req_prod = 1;
	fake_event(w->xen, 5);
	fake_settle(w->xen);
	assert_int_equal(ring->rsp_prod, 1);
	assert_int_equal(ring->ring[0].rsp.id, 9);
	assert_int_equal(ring->ring[0].rsp.status, 0);
	assert_int_equal(ring->ring[0].rsp.u.port.state, VIB_PORT_ACTIVE);
	assert_true(fake_notified(w->xen, 5));
}

static void offer_says_how_many_event_queues_there_may_be(void **state)
{
	struct world *w = *state;
	char err[256];

	plug(w);
	assert_string_equal(get(w, BE "/state"), "2");
	assert_int_equal(strtoul(get(w, BE "/" VIB_BE_MAX_EQS), NULL, 10), MAX_EQS);
	assert_int_equal(schema_check(SCHEMA_BACKEND, VIB_BE_MAX_EQS,
				      get(w, BE "/" VIB_BE_MAX_EQS), err, sizeof(err)),
			 0);
}

static void every_session_is_new(void **state)
{
	struct world *w = *state;
	char first[32];

	connect_guest(w);
	snprintf(first, sizeof(first), "%s", get(w, BE "/session"));
	put(w, FE "/state", "6"); /* module unloaded */
	fake_settle(w->xen);
	assert_int_equal(alive(w), 0);
	assert_int_equal(fake_mappings(w->xen), 0);
	assert_node(w, BE "/state", "2");
	assert_string_not_equal(get(w, BE "/session"), first);

	/* Rings that answer the old offer are not mapped. */
	put(w, FE "/state", "3");
	fake_settle(w->xen);
	assert_int_equal(fake_mappings(w->xen), 0);
	answer(w);
	assert_node(w, BE "/state", "4");
}

static void a_restarted_backend_waits_for_new_rings(void **state)
{
	struct world *w = *state;

	connect_guest(w);
	stop(w);
	assert_int_equal(alive(w), 0);
	assert_node(w, BE "/state", "1");
	put(w, BE "/state", "4"); /* as a killed one leaves it */
	start(w);
	assert_node(w, BE "/state", "2");
	assert_int_equal(fake_mappings(w->xen), 0);
	put(w, FE "/state", "1");
	answer(w);
	assert_node(w, BE "/state", "4");
}

static void unplugged(void **state)
{
	struct world *w = *state;

	connect_guest(w);
	put(w, BE "/online", "0");
	put(w, BE "/state", "5");
	fake_settle(w->xen);
	assert_node(w, BE "/state", "5");
	put(w, FE "/state", "6");
	fake_settle(w->xen);
	assert_node(w, BE "/state", "6");
	assert_int_equal(fake_mappings(w->xen), 0);
	xenport_rm(fake_xen_port(w->xen), 0, BE);
	fake_settle(w->xen);
	assert_true(LIST_EMPTY(&w->backend.vibs));
}

static void a_vanished_domain_is_let_go(void **state)
{
	struct world *w = *state;

	connect_guest(w);
	fake_release(fake_xen_store(w->xen), 1);
	fake_settle(w->xen);
	assert_int_equal(fake_mappings(w->xen), 0);
	assert_int_equal(fake_bound_ports(w->xen), 0);
	assert_node(w, BE "/state", "6");
}

/* Vport 0: its frontend is in the backend's own domain, which nobody has introduced. */
static void dom0_has_a_vib_of_its_own_and_outlives_others(void **state)
{
	static const char state0[] = "/local/domain/0/backend/vib/0/0/state";
	struct world *w = *state;

	plug_domain(w, 0, "0x02163e0000000002");
	assert_node(w, state0, "2");
	answer_from(w, 0);
	assert_node(w, state0, "4");
	fake_release(fake_xen_store(w->xen), 1);
	fake_settle(w->xen);
	assert_node(w, state0, "4");
	assert_int_equal(alive(w), 1);
	/* A guest's GUID may not be Dom0's, either. */
	plug_domain(w, 2, "0x02163e0000000002");
	assert_node(w, "/local/domain/0/backend/vib/2/0/state", "6");
}

static void a_successor_may_have_the_dead_domains_guid(void **state)
{
	struct world *w = *state;

	connect_guest(w);
	fake_release(fake_xen_store(w->xen), 1);
	fake_settle(w->xen);
	plug_domain(w, 2, "0x02163e0000000001");
	assert_node(w, "/local/domain/0/backend/vib/2/0/state", "2");
}

static void the_same_guid_twice_is_refused(void **state)
{
	struct world *w = *state;

	connect_guest(w);
	plug_domain(w, 2, "0x02163e0000000001");
	assert_node(w, "/local/domain/0/backend/vib/2/0/state", "6");
	assert_non_null(
		strstr(get(w, "/local/domain/0/backend/vib/2/0/error"), "port-guid"));
	assert_node(w, BE "/state", "4");
}

/* Guests on two fabrics know their peers by it. */
static void the_same_node_on_another_fabric_is_refused(void **state)
{
	struct world *w = *state;

	fabric_add(&w->fabrics, "storage");
	connect_guest(w);
	put(w, "/local/domain/0/backend/vib/2/0/fabric", "storage");
	plug_node(w, 2, "0x02163e0000000002", "0x02163e0000000001");
	assert_node(w, "/local/domain/0/backend/vib/2/0/state", "6");
	assert_non_null(
		strstr(get(w, "/local/domain/0/backend/vib/2/0/error"), "node-guid"));
	assert_node(w, BE "/state", "4");
}

static void bad_nodes_are_refused_by_name(void **state)
{
	static const char *const bad[][2] = {
		{ VIB_BE_FABRIC, "nowhere" },
		{ VIB_BE_FABRIC, "../../x" },
		{ VIB_BE_PKEY, "0x0000" },
		{ VIB_BE_PKEY, "" },
		{ VIB_BE_PORT_GUID, "0x0" },
		{ VIB_BE_NODE_GUID, "-1" },
		{ VIB_BE_LINK, "sideways" },
		{ VIB_BE_GID, "ff02::1" },
		{ VIB_BE_MAX_QP, "1e9" },
		{ VIB_BE_RATE, "10Gbit" },
		{ VIB_BE_MAX_MR, "99999999999999999999" },
		{ VIB_BE_FRONTEND, "/local/domain/0/device/vib/0" },
		{ VIB_BE_FRONTEND_ID, "0" },
	};
	struct world *w = *state;
	char path[128];

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		stop(w);
		xenport_rm(fake_xen_port(w->xen), 0, BE);
		plug(w);
		snprintf(path, sizeof(path), BE "/%s", bad[i][0]);
		put(w, path, bad[i][1]);
		start(w);
		assert_node(w, BE "/state", "6");
		assert_non_null(get(w, BE "/error"));
		assert_non_null(strstr(get(w, BE "/error"), bad[i][0]));
		assert_non_null(strstr(get(w, BE "/error"), bad[i][1]));
	}
}

static void missing_nodes_are_refused_by_name(void **state)
{
	struct world *w = *state;
	char path[128];

	for (size_t i = 0; i < schema_node_count; i++) {
		const struct schema_node *node = &schema_nodes[i];

		/* The state says that the device exists; without online it is to go. */
		if (node->side != SCHEMA_BACKEND || !node->required ||
		    node->writer != SCHEMA_BY_TOOLSTACK || node->type == SCHEMA_BOOL ||
		    !strcmp(node->key, VIB_BE_STATE))
			continue;
		stop(w);
		xenport_rm(fake_xen_port(w->xen), 0, BE);
		plug(w);
		snprintf(path, sizeof(path), BE "/%s", node->key);
		assert_int_equal(xenport_rm(fake_xen_port(w->xen), 0, path), 0);
		start(w);
		assert_node(w, BE "/state", "6");
		assert_non_null(get(w, BE "/error"));
		assert_non_null(strstr(get(w, BE "/error"), node->key));
		assert_non_null(strstr(get(w, BE "/error"), "missing; want "));
	}
}

static void bad_frontend_nodes_map_nothing(void **state)
{
	static const char *const bad[][2] = {
		{ VIB_FE_CONTROL_REF, "4000000000" },
		{ VIB_FE_RING_REF, "-1" },
		{ VIB_FE_ASYNC_REF, "" },
		{ VIB_FE_EVENT_CHANNEL, "0" },
		{ VIB_FE_EVENT_CHANNEL, "70" },
		{ VIB_FE_VERSION, "2" },
		{ VIB_FE_RING_REF, "0x1x" },
	};
	struct world *w = *state;
	char path[128];

	plug(w);
	for (size_t i = 0; i < 2; i++) { /* the third refusal is for good */
		answer(w);
		put(w, FE "/state", "1");
		fake_settle(w->xen);
	}
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		stop(w);
		start(w);
		put(w, FE "/state", "1");
		answer(w);
		assert_node(w, BE "/state", "4");
		put(w, FE "/state", "1");
		fake_settle(w->xen);
		snprintf(path, sizeof(path), FE "/%s", bad[i][0]);
		put(w, FE "/" VIB_FE_SESSION, get(w, BE "/session"));
		put(w, path, bad[i][1]);
		put(w, FE "/state", "3");
		fake_settle(w->xen);
		assert_int_equal(fake_mappings(w->xen), 0);
		assert_int_equal(fake_bound_ports(w->xen), 0);
		assert_string_not_equal(get(w, BE "/state"), "4");
	}
}

static void grants_that_never_map_end_in_refusal(void **state)
{
	struct world *w = *state;

	plug(w);
	fake_refuse_maps(w->xen, true);
	for (int i = 0; i < 5; i++) {
		put(w, FE "/state", "1");
		fake_settle(w->xen);
		answer(w);
	}
	put(w, FE "/state", "6");
	fake_settle(w->xen);
	assert_node(w, BE "/state", "6");
	assert_non_null(strstr(get(w, BE "/error"), "control-ref=\""));
	assert_non_null(strstr(get(w, BE "/error"), "want a grant"));
	assert_int_equal(fake_bound_ports(w->xen), 0);
}

static void an_online_that_is_none_is_refused_with_its_value(void **state)
{
	struct world *w = *state;

	plug(w);
	put(w, BE "/online", "perhaps");
	fake_settle(w->xen);
	assert_non_null(strstr(get(w, BE "/error"), "online=\"perhaps\""));
	assert_int_equal(fake_mappings(w->xen), 0);
	assert_string_not_equal(get(w, BE "/state"), "2");
}

/* The offer that it met in between was withdrawn with state 6. */
static void a_frontend_is_served_again_after_states_that_are_none(void **state)
{
	struct world *w = *state;

	connect_guest(w);
	put(w, FE "/state", "rubbish");
	fake_settle(w->xen);
	put(w, FE "/state", "4");
	fake_settle(w->xen);
	assert_node(w, BE "/state", "2");
	put(w, FE "/state", "9");
	fake_settle(w->xen);
	assert_node(w, BE "/state", "6");
	put(w, FE "/state", "1");
	fake_settle(w->xen);
	assert_node(w, BE "/state", "2");
	answer(w);
	fake_settle(w->xen);
	assert_node(w, BE "/state", "4");
}

static void a_frontend_that_breaks_the_ring_loses_its_device(void **state)
{
	struct world *w = *state;

	connect_guest(w);
	((struct vib_control_sring *)fake_page(w->xen, 1))->req_prod = 1000;
	fake_event(w->xen, 5);
	fake_settle(w->xen);
	assert_int_equal(fake_mappings(w->xen), 0);
	assert_node(w, BE "/state", "5");
	assert_non_null(strstr(get(w, BE "/error"), "req_prod"));
	put(w, FE "/state", "6");
	fake_settle(w->xen);
	assert_node(w, BE "/state", "6");
	put(w, FE "/state", "1"); /* and does not get it back by itself */
	fake_settle(w->xen);
	assert_node(w, BE "/state", "6");
}

static void changes_become_async_events(void **state)
{
	struct world *w = *state;
	struct vib_queue q;
	const struct vib_async_event *event;

	connect_guest(w);
	vib_queue_init(&q, fake_page(w->xen, 2), VIB_ASYNC_ORDER,
		       sizeof(struct vib_async_event));
	put(w, BE "/" VIB_BE_LINK, "down");
	fake_settle(w->xen);
	event = vib_queue_peek(&q);
	assert_non_null(event);
	assert_int_equal(event->type, VIB_ASYNC_PORT_CHANGE);
	assert_int_equal(event->object, VIB_PORT);
	assert_true(fake_notified(w->xen, 5));
	vib_queue_consume(&q);

	put(w, BE "/" VIB_BE_PKEY, "0x8001");
	fake_settle(w->xen);
	event = vib_queue_peek(&q);
	assert_non_null(event);
	assert_int_equal(event->type, VIB_ASYNC_PKEY_CHANGE);
	vib_queue_consume(&q);

	/* what is wrong, or fixed, is no change */
	put(w, BE "/" VIB_BE_PKEY, "rubbish");
	put(w, BE "/" VIB_BE_FABRIC, "storage");
	fake_settle(w->xen);
	assert_null(vib_queue_peek(&q));
}

static struct vhca *vhca_of(struct world *w)
{
	return LIST_FIRST(&w->backend.vibs)->conn.guest.vhca;
}

static void quotas_change_at_run_time(void **state)
{
	struct world *w = *state;
	uint32_t pd[3], refused;
	struct vib_queue q;

	put(w, BE "/" VIB_BE_MAX_PD, "1");
	connect_guest(w);
	vib_queue_init(&q, fake_page(w->xen, 2), VIB_ASYNC_ORDER,
		       sizeof(struct vib_async_event));
	assert_int_equal(pd_create(vhca_of(w), &pd[0]), 0);
	assert_int_equal(pd_create(vhca_of(w), &refused), -ENOMEM);
	put(w, BE "/" VIB_BE_MAX_PD, "3");
	put(w, BE "/" VIB_BE_MAX_MEM, "7");
	put(w, BE "/" VIB_BE_MAX_MR, "1000000");
	fake_settle(w->xen);
	assert_int_equal(pd_create(vhca_of(w), &pd[1]), 0);
	assert_int_equal(pd_create(vhca_of(w), &pd[2]), 0);
	assert_int_equal(pd_create(vhca_of(w), &refused), -ENOMEM);
	assert_int_equal(vhca_of(w)->limits.max_pages, 7 * 256);
	assert_int_equal(vhca_of(w)->limits.max_mr, 1000000);

	/* below what it has: it keeps that, and gets no more until it has less */
	put(w, BE "/" VIB_BE_MAX_PD, "2");
	fake_settle(w->xen);
	assert_int_equal(pd_create(vhca_of(w), &refused), -ENOMEM);
	assert_int_equal(pd_destroy(vhca_of(w), pd[0]), 0);
	assert_int_equal(pd_create(vhca_of(w), &refused), -ENOMEM);
	assert_int_equal(pd_destroy(vhca_of(w), pd[1]), 0);
	assert_int_equal(pd_create(vhca_of(w), &pd[0]), 0);
	assert_null(vib_queue_peek(&q)); /* the guest sees nothing of it */

	/* one that is fixed takes all that is new along with it */
	put(w, BE "/" VIB_BE_FABRIC, "storage");
	put(w, BE "/" VIB_BE_MAX_PD, "9");
	fake_settle(w->xen);
	assert_int_equal(vhca_of(w)->limits.max_pd, 2);
	put(w, BE "/" VIB_BE_FABRIC, "local");
	fake_settle(w->xen);
	assert_int_equal(vhca_of(w)->limits.max_pd, 9);
}

/* What its pollers hold the guest to, bytes a second. */
static uint64_t rate(struct world *w)
{
	return vhca_of(w)->bucket.rate;
}

static void rate_is_read_and_changes_at_run_time(void **state)
{
	struct world *w = *state;
	struct vib_queue q;

	put(w, BE "/" VIB_BE_RATE, "10G");
	connect_guest(w);
	assert_true(rate(w) == 1250000000);
	vib_queue_init(&q, fake_page(w->xen, 2), VIB_ASYNC_ORDER,
		       sizeof(struct vib_async_event));
	put(w, BE "/" VIB_BE_RATE, "200M");
	fake_settle(w->xen);
	assert_true(rate(w) == 25000000);
	put(w, BE "/" VIB_BE_RATE, "rubbish"); /* is no change */
	fake_settle(w->xen);
	assert_true(rate(w) == 25000000);
	put(w, BE "/" VIB_BE_RATE, "0");
	fake_settle(w->xen);
	assert_true(rate(w) == 0);
	put(w, BE "/" VIB_BE_RATE, "1M");
	fake_settle(w->xen);
	assert_true(rate(w) == 125000);
	xenport_rm(fake_xen_port(w->xen), 0, BE "/" VIB_BE_RATE);
	fake_settle(w->xen);
	assert_true(rate(w) == 0);
	assert_null(vib_queue_peek(&q)); /* the guest sees nothing of it */
}

static void event_storms_are_left_masked(void **state)
{
	struct world *w = *state;
	struct vib_control_sring *ring = fake_page(w->xen, 1);
	unsigned int served = 0;

	connect_guest(w);
	for (uint32_t i = 0; i < 1000; i++) {
		ring->ring[i % 16].req =
			(struct vib_control_request){ .id = (uint16_t)i,
						      .operation = VIB_CMD_QUERY_DEVICE };
		ring->req_prod++;
		fake_event(w->xen, 5);
		uv_run(&w->loop, UV_RUN_NOWAIT);
		if (ring->rsp_prod != ring->req_prod)
			break; /* it has stopped listening, for now */
		served++;
	}
	assert_true(served < 1000);
	/* the rest comes with time, and nothing is lost */
	while (ring->rsp_prod != ring->req_prod)
		uv_run(&w->loop, UV_RUN_ONCE);
	assert_node(w, BE "/state", "4");
}

static void a_device_made_anew_unnoticed_starts_afresh(void **state)
{
	struct world *w = *state;

	/* broken, then removed and made again between two looks */
	connect_guest(w);
	((struct vib_control_sring *)fake_page(w->xen, 1))->req_prod = 1000;
	fake_event(w->xen, 5);
	fake_settle(w->xen);
	put(w, FE "/state", "6");
	fake_settle(w->xen);
	assert_node(w, BE "/state", "6");
	xenport_rm(fake_xen_port(w->xen), 0, BE);
	xenport_rm(fake_xen_port(w->xen), 0, FE);
	plug_domain(w, 1, "0x02163e00000000ff");
	assert_node(w, BE "/state", "2");
	answer(w);
	assert_node(w, BE "/state", "4");
}

static void a_removed_directory_does_not_come_back(void **state)
{
	struct world *w = *state;

	connect_guest(w);
	xenport_rm(fake_xen_port(w->xen), 0, BE);
	/* the ring is broken before the removal is seen: no word of it is written */
	((struct vib_control_sring *)fake_page(w->xen, 1))->req_prod = 1000;
	vib_event(LIST_FIRST(&w->backend.vibs));
	fake_settle(w->xen);
	assert_null(get(w, BE "/state"));
	assert_null(get(w, BE "/error"));
	assert_true(LIST_EMPTY(&w->backend.vibs));
}

static void a_dead_domain_is_let_go_though_its_directory_stays(void **state)
{
	struct world *w = *state;

	connect_guest(w);
	fake_release_keeping_directory(fake_xen_store(w->xen), 1);
	fake_settle(w->xen);
	assert_int_equal(fake_mappings(w->xen), 0);
	assert_node(w, BE "/state", "6");
}

static void a_frontend_that_flaps_is_not_followed_for_ever(void **state)
{
	struct world *w = *state;
	unsigned int connects = 0;

	plug(w);
	for (int i = 0; i < 100; i++) {
		if (strcmp(get(w, BE "/state"), "2") == 0) {
			answer(w);
			connects += strcmp(get(w, BE "/state"), "4") == 0;
		}
		put(w, FE "/state", "1");
		fake_settle(w->xen);
	}
	assert_in_range(connects, 1, 20);
}

#define test(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		test(connects_and_answers),
		test(offer_says_how_many_event_queues_there_may_be),
		test(every_session_is_new),
		test(a_restarted_backend_waits_for_new_rings),
		test(unplugged),
		test(a_vanished_domain_is_let_go),
		test(dom0_has_a_vib_of_its_own_and_outlives_others),
		test(a_successor_may_have_the_dead_domains_guid),
		test(the_same_guid_twice_is_refused),
		test(the_same_node_on_another_fabric_is_refused),
		test(bad_nodes_are_refused_by_name),
		test(missing_nodes_are_refused_by_name),
		test(bad_frontend_nodes_map_nothing),
		test(grants_that_never_map_end_in_refusal),
		test(an_online_that_is_none_is_refused_with_its_value),
		test(a_frontend_is_served_again_after_states_that_are_none),
		test(a_frontend_that_breaks_the_ring_loses_its_device),
		test(a_device_made_anew_unnoticed_starts_afresh),
		test(a_removed_directory_does_not_come_back),
		test(a_dead_domain_is_let_go_though_its_directory_stays),
		test(a_frontend_that_flaps_is_not_followed_for_ever),
		test(changes_become_async_events),
		test(quotas_change_at_run_time),
		test(rate_is_read_and_changes_at_run_time),
		test(event_storms_are_left_masked),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
