// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Anything in any node of a vib, written by guest and toolstack at any time, with the
 * daemon beginning anew in between. The backend maps nothing for longer than it is
 * connected; what it refuses it says in one line; another guest's vib stays connected;
 * the vib works once its nodes are right and it is attached anew; and where only the
 * guest did wrong and was not refused, once its frontend begins anew.
 */
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <xen-ib/xenstore.h>

#include "control/backend.h"
#include "engine/engine.h"
#include "engine/poller.h"
#include "log.h"
#include "schema/schema.h"
#include "fake_guest.h"

#define EXPECT(what)                                                               \
	do {                                                                       \
		if (!(what)) {                                                     \
			fprintf(stderr, "line %d: not so: %s\n", __LINE__, #what); \
			abort();                                                   \
		}                                                                  \
	} while (0)

/* The guest whose nodes are fuzzed, and the one that minds its own business. */
enum { FUZZED = 1, GOOD = 2 };

static struct {
	uv_loop_t loop;
	struct fake_xen *xen;
	struct fabric_table fabrics;
	struct engine *engine; /* no poller of it runs */
	struct backend backend;
	uint64_t now; /* ms: no throttle lasts longer than a move */
	bool spoiled; /* nodes of the toolstack's, since it wrote them */
} world;

/* What was freed long ago need not be caught: caches are worth more. */
const char *__asan_default_options(void);

const char *__asan_default_options(void)
{
	return "quarantine_size_mb=8";
}

uint64_t __wrap_uv_now(const uv_loop_t *loop);

uint64_t __wrap_uv_now(const uv_loop_t *loop)
{
	(void)loop;
	return world.now;
}

/* In place of log.c: what is said is not read, but it is there. */
void log_line(enum log_level level, const char *fmt, ...)
{
	char text[2048];
	va_list ap;

	(void)level;
	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
}

/* ---- nodes ------------------------------------------------------------- */

static const char *path_of(enum schema_side side, unsigned int domid, const char *key)
{
	static char path[XENPORT_PATH_MAX];

	if (side == SCHEMA_BACKEND)
		snprintf(path, sizeof(path), "/local/domain/0/backend/vib/%u/0%s%s",
			 domid, *key ? "/" : "", key);
	else
		snprintf(path, sizeof(path), "/local/domain/%u/device/vib/0%s%s", domid,
			 *key ? "/" : "", key);
	return path;
}

static void put(enum schema_side side, unsigned int domid, const char *key,
		const char *value)
{
	EXPECT(xenport_write(fake_xen_port(world.xen), 0, path_of(side, domid, key),
			     value) == 0);
}

static const char *get(enum schema_side side, unsigned int domid, const char *key)
{
	const char *value =
		fake_value(fake_xen_store(world.xen), path_of(side, domid, key));

	return value ? value : "";
}

/* What the toolstack writes for a vib. */
static void plug(unsigned int domid)
{
	char text[64];

	put(SCHEMA_FRONTEND, domid, VIB_FE_STATE, "1");
	snprintf(text, sizeof(text), "/local/domain/%u/device/vib/0", domid);
	put(SCHEMA_BACKEND, domid, VIB_BE_FRONTEND, text);
	snprintf(text, sizeof(text), "%u", domid);
	put(SCHEMA_BACKEND, domid, VIB_BE_FRONTEND_ID, text);
	snprintf(text, sizeof(text), "0x02163e000000000%u", domid);
	put(SCHEMA_BACKEND, domid, VIB_BE_NODE_GUID, text);
	put(SCHEMA_BACKEND, domid, VIB_BE_PORT_GUID, text);
	put(SCHEMA_BACKEND, domid, VIB_BE_ONLINE, "1");
	put(SCHEMA_BACKEND, domid, VIB_BE_STATE, "1");
}

static void unplug(unsigned int domid)
{
	(void)xenport_rm(fake_xen_port(world.xen), 0, path_of(SCHEMA_BACKEND, domid, ""));
	(void)xenport_rm(fake_xen_port(world.xen), 0,
			 path_of(SCHEMA_FRONTEND, domid, ""));
}

/* What ibfront writes: pages and an event channel of its own, the backend's session. */
static void answer(unsigned int domid)
{
	static const char *const keys[] = { VIB_FE_CONTROL_REF, VIB_FE_RING_REF,
					    VIB_FE_ASYNC_REF };
	char text[16];

	put(SCHEMA_FRONTEND, domid, VIB_FE_VERSION, "1");
	put(SCHEMA_FRONTEND, domid, VIB_FE_SESSION,
	    get(SCHEMA_BACKEND, domid, VIB_BE_SESSION));
	for (unsigned int i = 0; i < 3; i++) {
		memset(fake_page(world.xen, 4 * domid + i), 0, VIB_PAGE_SIZE);
		snprintf(text, sizeof(text), "%u", 4 * domid + i);
		put(SCHEMA_FRONTEND, domid, keys[i], text);
	}
	SHARED_RING_INIT((struct vib_control_sring *)fake_page(world.xen, 4 * domid + 1));
	snprintf(text, sizeof(text), "%u", domid);
	put(SCHEMA_FRONTEND, domid, VIB_FE_EVENT_CHANNEL, text);
	put(SCHEMA_FRONTEND, domid, VIB_FE_STATE, "3");
}

/* ---- the daemon -------------------------------------------------------- */

static void settle(void)
{
	world.now += 10000;
	fake_settle(world.xen);
}

static void start(void)
{
	EXPECT(backend_start(&world.backend, &world.loop, fake_xen_port(world.xen),
			     &world.fabrics, world.engine, 0, &fake_jobs(world.xen)->jobs,
			     "") == 0);
	settle();
}

static void stop(void)
{
	backend_stop(&world.backend);
	settle();
	EXPECT(fake_mappings(world.xen) == 0 && fake_bound_ports(world.xen) == 0);
}

/* The frontend is loaded, whatever was before. */
static void begin_anew(unsigned int domid)
{
	put(SCHEMA_FRONTEND, domid, VIB_FE_STATE, "1");
	settle();
	answer(domid);
	settle();
	EXPECT(!strcmp(get(SCHEMA_BACKEND, domid, VIB_BE_STATE), "4"));
	EXPECT(!*get(SCHEMA_BACKEND, domid, VIB_BE_ERROR));
}

static void connect_anew(unsigned int domid)
{
	unplug(domid);
	settle();
	plug(domid);
	settle();
	begin_anew(domid);
}

/*
 * Another backend is another offer: the good guest answers it. Of two with one GUID the
 * new backend serves the one that it finds first; that is the toolstack's affair.
 */
static void restart(void)
{
	stop();
	if (!strcmp(get(SCHEMA_BACKEND, FUZZED, VIB_BE_PORT_GUID),
		    get(SCHEMA_BACKEND, GOOD, VIB_BE_PORT_GUID)))
		put(SCHEMA_BACKEND, FUZZED, VIB_BE_PORT_GUID, "");
	put(SCHEMA_FRONTEND, GOOD, VIB_FE_STATE, "1");
	start();
	answer(GOOD);
	settle();
}

static void set_up(void)
{
	static bool is_up;

	if (!is_up) {
		rcu_register_thread();
		world.engine = engine_new(1, POLL_ALWAYS);
		EXPECT(world.engine);
		is_up = true;
	}
	uv_loop_init(&world.loop);
	world.xen = fake_xen_new(&world.loop);
	fabric_table_init(&world.fabrics);
	fabric_add(&world.fabrics, "local");
	fabric_add(&world.fabrics, "other");
	EXPECT(engine_add_xen(world.engine, fake_xen_port(world.xen)) == 0);
	put(SCHEMA_BACKEND, FUZZED, VIB_BE_STATE, "1"); /* so that there is a root */
	unplug(FUZZED);
	EXPECT(xenport_write(fake_xen_port(world.xen), 0, "/local/domain/0/domid", "0") ==
	       0);
	fake_introduce(fake_xen_store(world.xen), FUZZED, "uuid-1", "fuzzed");
	fake_introduce(fake_xen_store(world.xen), GOOD, "uuid-2", "good");
	start();
	connect_anew(GOOD);
	connect_anew(FUZZED);
}

static void tear_down(void)
{
	stop();
	EXPECT(uv_loop_close(&world.loop) == 0);
	fabric_table_free(&world.fabrics);
	/* The next input has a Xen of its own, which is the engine's first again. */
	world.engine->num_xens = 0;
	world.engine->pollers[0].num_events = 0;
	fake_xen_free(world.xen);
}

/* ---- moves ------------------------------------------------------------- */

enum { WRITE, REMOVE, ANSWER, STATES, EVENT, RESTART, REPLUG, REFUSE, MOVES };

/* In move.what: the backend looks later; it looks, but what it starts is not done. */
enum { LATER = 0x80, NO_JOBS = 0x40 };
/* In move.how, with NO_JOBS: but for one slice. */
enum { A_SLICE = 0x10 };

struct move {
	uint8_t what, node, how, state;
	char text[12];
};

/* A value for @node: right, at an edge, of someone else, too long, or any text. */
static const char *value_for(const struct schema_node *node, const struct move *m)
{
	static char value[XENPORT_VALUE_MAX + 64];
	size_t length;

	switch (m->how % 8) {
	case 0:
		return node->def ? node->def : "";
	case 1:
		snprintf(value, sizeof(value), "%llu",
			 (unsigned long long)node->max + m->state % 2);
		return value;
	case 2:
		snprintf(value, sizeof(value), "%llu",
			 (unsigned long long)node->min - m->state % 2);
		return value;
	case 3:
		snprintf(value, sizeof(value), "%s", get(node->side, GOOD, node->key));
		return value;
	case 4:
		length = m->state * 8u;
		memset(value, m->text[0] ? m->text[0] : '0', length);
		value[length] = '\0';
		return value;
	case 5:
		snprintf(value, sizeof(value), "%u", m->state);
		return value;
	case 6:
		snprintf(value, sizeof(value), "%s%.12s",
			 get(node->side, FUZZED, node->key), m->text);
		return value;
	default:
		snprintf(value, sizeof(value), "%.12s", m->text);
		return value;
	}
}

static void play(const struct move *m)
{
	const struct schema_node *node = &schema_nodes[m->node % schema_node_count];
	char text[4];

	switch (m->what % MOVES) {
	case WRITE:
		if (!strcmp(node->key, VIB_BE_ERROR))
			break; /* what is looked at is the backend's */
		world.spoiled |= node->side == SCHEMA_BACKEND;
		put(node->side, FUZZED, node->key, value_for(node, m));
		break;
	case REMOVE:
		world.spoiled |= node->side == SCHEMA_BACKEND;
		(void)xenport_rm(
			fake_xen_port(world.xen), 0,
			path_of(node->side, FUZZED, m->how % 8 ? node->key : ""));
		break;
	case ANSWER:
		answer(FUZZED);
		break;
	case STATES:
		snprintf(text, sizeof(text), "%u", m->state % 10u);
		world.spoiled |= m->how % 2;
		put(m->how % 2 ? SCHEMA_BACKEND : SCHEMA_FRONTEND, FUZZED, "state", text);
		break;
	case EVENT:
		fake_event(world.xen, FUZZED);
		break;
	case RESTART:
		restart();
		break;
	case REPLUG:
		unplug(FUZZED);
		if (m->how % 2)
			settle();
		plug(FUZZED);
		world.spoiled = false;
		break;
	default: /* REFUSE */
		fake_refuse_maps(world.xen, m->how % 2);
		break;
	}
}

static void check(void)
{
	const char *error = get(SCHEMA_BACKEND, FUZZED, VIB_BE_ERROR);
	char why[512];

	EXPECT(fake_mappings(world.xen) <= 6 && fake_bound_ports(world.xen) <= 2);
	EXPECT(!strcmp(get(SCHEMA_BACKEND, GOOD, VIB_BE_STATE), "4"));
	EXPECT(schema_check(SCHEMA_BACKEND, VIB_BE_ERROR, error, why, sizeof(why)) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct move m;

	set_up();
	world.spoiled = true; /* there is no vib yet */
	for (; size >= sizeof(m); data += sizeof(m), size -= sizeof(m)) {
		memcpy(&m, data, sizeof(m));
		if (m.what % MOVES == RESTART)
			fake_refuse_maps(world.xen, false);
		play(&m);
		/* Several writes may be seen as one, and more come before jobs are done.
		 */
		if (m.what & LATER)
			continue;
		if (m.what & NO_JOBS) {
			world.now += 10000;
			fake_loop(world.xen);
			if (m.how & A_SLICE)
				(void)by_step(fake_jobs(world.xen));
			continue;
		}
		settle();
		check();
	}
	fake_refuse_maps(world.xen, false);
	settle();
	if (!world.spoiled && !*get(SCHEMA_BACKEND, FUZZED, VIB_BE_ERROR))
		begin_anew(FUZZED);
	connect_anew(FUZZED);
	check();
	tear_down();
	return 0;
}
