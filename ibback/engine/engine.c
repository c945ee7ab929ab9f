// SPDX-License-Identifier: GPL-2.0-or-later
#include "engine/engine.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/random.h>

#include "engine/qp.h"
#include "engine/stream.h"
#include "xenport/xenport.h"

#define QP_BUCKETS       16384

/* The kernel's default; and what libraries, threads, the heap and the pieces of local
 * mappings may take of it.
 */
#define DEFAULT_MAX_MAPS 65530
#define OWN_MAPS         20480

void engine_free(struct engine *engine)
{
	for (unsigned int i = 0; i < engine->num_pollers; i++)
		poller_fini(&engine->pollers[i]);
	table_fini(&engine->qps);
	mcast_fini(&engine->mcast);
	free(engine->pollers);
	free(engine);
}

/* What the kernel allows a process (vm.max_map_count), less what this one needs. */
static uint32_t max_mappings(void)
{
	FILE *f = fopen("/proc/sys/vm/max_map_count", "re");
	unsigned int most = DEFAULT_MAX_MAPS;

	if (f) {
		if (fscanf(f, "%u", &most) != 1)
			most = DEFAULT_MAX_MAPS;
		fclose(f);
	}
	return most > OWN_MAPS ? most - OWN_MAPS : 0;
}

uint32_t engine_map_count(const struct engine *engine, uint32_t has, uint32_t more)
{
	return engine->mappings + has + more + OWN_MAPS;
}

/*
 * QPNs are given from a random place on: after a restart, guests whose connections are
 * lost and not yet made anew rarely find their number to be another's.
 */
static bool choose_first_qpn(struct engine *engine)
{
	uint32_t random;

	if (getrandom(&random, sizeof(random), 0) != sizeof(random))
		return false;
	engine->qps.last = QPN_FIRST + random % (QPN_LAST - QPN_FIRST + 1);
	return true;
}

struct engine *engine_new(unsigned int num_pollers, enum poll_mode mode)
{
	struct engine *engine = calloc(1, sizeof(*engine));

	if (!engine)
		return NULL;
	engine->stream_bytes = stream_threshold();
	engine->max_mappings = max_mappings();
	engine->pollers = calloc(num_pollers, sizeof(*engine->pollers));
	if (!engine->pollers || table_init(&engine->qps, QP_BUCKETS) < 0 ||
	    !choose_first_qpn(engine) || mcast_init(&engine->mcast) < 0)
		goto fail;
	for (; engine->num_pollers < num_pollers; engine->num_pollers++)
		if (poller_init(&engine->pollers[engine->num_pollers], engine, mode) < 0)
			goto fail;
	return engine;

fail:
	engine_free(engine);
	return NULL;
}

int engine_add_xen(struct engine *engine, struct xenport *xen)
{
	for (unsigned int i = 0; i < engine->num_pollers; i++) {
		struct xenport *events = xenport_open_events(xen);

		if (!events)
			return -1;
		poller_add_events(&engine->pollers[i], events);
	}
	return (int)engine->num_xens++;
}

void engine_set_spin(struct engine *engine, const struct spin *spin)
{
	for (unsigned int i = 0; i < engine->num_pollers; i++)
		engine->pollers[i].spin = *spin;
}

int engine_start(struct engine *engine, const int *cpus)
{
	for (unsigned int i = 0; i < engine->num_pollers; i++)
		if (poller_start(&engine->pollers[i], cpus ? cpus[i] : -1) < 0)
			return -1;
	return 0;
}

struct poller *engine_choose_poller(struct engine *engine)
{
	return &engine->pollers[engine->next_poller++ % engine->num_pollers];
}

struct qp *engine_find_qp(const struct engine *engine, uint32_t qpn)
{
	return table_get(&engine->qps, qpn, qp);
}
