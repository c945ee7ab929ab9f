// SPDX-License-Identifier: GPL-2.0-or-later
#include "two_guests.h"

#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

#include "log.h"

/* ---- xenstore ---------------------------------------------------------- */

void put(const struct peer *p, const char *dir, const char *key, const char *value)
{
	char path[128];

	snprintf(path, sizeof(path), "%s/%s", dir, key);
	assert_int_equal(xenport_write(fake_xen_port(p->w->xen), 0, path, value), 0);
}

static void put_number(const struct peer *p, const char *dir, const char *key,
		       unsigned int value)
{
	char text[16];

	snprintf(text, sizeof(text), "%u", value);
	put(p, dir, key, text);
}

const char *get(const struct peer *p, const char *key)
{
	char path[128];

	snprintf(path, sizeof(path), "%s/%s", p->be, key);
	return fake_value(fake_xen_store(p->w->xen), path);
}

void frontend_state(const struct peer *p, const char *state)
{
	put(p, p->fe, "state", state);
	fake_loop(p->w->xen);
}

/* What the toolstack writes. */
void plug(const struct peer *p, unsigned int guid)
{
	char text[32];

	snprintf(text, sizeof(text), "0x02163e00000000%02x", guid);
	put(p, p->fe, "state", "1");
	put(p, p->be, VIB_BE_FRONTEND, p->fe);
	put_number(p, p->be, VIB_BE_FRONTEND_ID, p->domid);
	put(p, p->be, VIB_BE_PORT_GUID, text);
	put(p, p->be, VIB_BE_NODE_GUID, text);
	put(p, p->be, VIB_BE_DOMAIN, "guest");
	put(p, p->be, VIB_BE_ONLINE, "1");
	put(p, p->be, VIB_BE_STATE, "1");
	fake_loop(p->w->xen);
}

/* ---- guests ------------------------------------------------------------ */

uint32_t page_of(const struct peer *p, uint32_t page)
{
	return (p->domid - 1) * ITS_PAGES + page;
}

void *memory_of(const struct peer *p, uint32_t page)
{
	return fake_page(p->w->xen, page_of(p, page));
}

bool is_alive(const struct peer *p)
{
	return ((struct vib_control_page *)memory_of(p, CONTROL))->backend_alive;
}

struct vib *vib_of(const struct peer *p)
{
	struct vib *vib;

	LIST_FOREACH(vib, &p->w->backend.vibs, entry)
	if (vib->domid == p->domid)
		return vib;
	return NULL;
}

struct vhca *vhca_of(const struct peer *p)
{
	return vib_of(p)->conn.guest.vhca;
}

uint32_t mapped_so_far(const struct peer *p)
{
	return vib_of(p)->conn.guest.pages.map.num_done;
}

void join(struct peer *p)
{
	assert_state(p, "2");
	put(p, p->fe, VIB_FE_VERSION, "1");
	put(p, p->fe, VIB_FE_SESSION, get(p, VIB_BE_SESSION));
	put_number(p, p->fe, VIB_FE_CONTROL_REF, page_of(p, CONTROL));
	put_number(p, p->fe, VIB_FE_RING_REF, page_of(p, RING));
	put_number(p, p->fe, VIB_FE_ASYNC_REF, page_of(p, ASYNC));
	put_number(p, p->fe, VIB_FE_EVENT_CHANNEL, p->domid);
	memset(memory_of(p, CONTROL), 0, VIB_PAGE_SIZE);
	memset(memory_of(p, ASYNC), 0, VIB_PAGE_SIZE);
	p->ring = memory_of(p, RING);
	SHARED_RING_INIT(p->ring);
	p->prod = 0;
	p->cons = 0;
	frontend_state(p, "3");
	assert_state(p, "4");
	frontend_state(p, "4");
}

/* Put a request into the ring and tell the backend. */
void ask(struct peer *p, struct vib_control_request req)
{
	req.id = (uint16_t)__builtin_ctz(~p->pending); /* the lowest that is free */
	p->pending |= 1u << req.id;
	p->ring->ring[p->prod++ % VIB_CONTROL_RING_SIZE].req = req;
	p->ring->req_prod = p->prod;
	p->ring->rsp_event = p->cons + 1;
	fake_event(p->w->xen, p->domid);
	fake_loop(p->w->xen);
}

static uint64_t now = 1000000000;

uint64_t __wrap_clock_ns(void);

uint64_t __wrap_clock_ns(void)
{
	return now;
}

void pass_time(uint64_t ns)
{
	now += ns;
}

bool is_answered(const struct peer *p)
{
	return p->ring->rsp_prod != p->cons;
}

struct vib_control_response take(struct peer *p)
{
	struct vib_control_response rsp;

	assert_true(is_answered(p));
	rsp = p->ring->ring[p->cons++ % VIB_CONTROL_RING_SIZE].rsp;
	assert_in_range(rsp.id, 0, VIB_CONTROL_RING_SIZE - 1);
	assert_true(p->pending & 1u << rsp.id); /* once */
	p->pending &= ~(1u << rsp.id);
	return rsp;
}

/* One slice of whoever's turn it is. */
void step(struct world *w)
{
	assert_true(by_step(fake_jobs(w->xen)));
	fake_loop(w->xen);
}

void steps(struct world *w, unsigned int count)
{
	while (count--)
		step(w);
}

bool is_idle(struct world *w)
{
	return TAILQ_EMPTY(&fake_jobs(w->xen)->waiting);
}

/* Ask, and have everything done that there is to do. */
struct vib_control_response execute(struct peer *p, struct vib_control_request req)
{
	ask(p, req);
	fake_settle(p->w->xen);
	return take(p);
}

uint32_t number_of(struct vib_control_response rsp)
{
	assert_int_equal(rsp.status, 0);
	return rsp.u.object.number;
}

uint32_t pd_of(struct peer *p)
{
	return number_of(execute(
		p, (struct vib_control_request){ .operation = VIB_CMD_ALLOC_PD }));
}

const struct vib_control_request query = { .operation = VIB_CMD_QUERY_PORT,
					   .port = VIB_PORT };

/* An MR of @count pages, which are those from DATA on, again and again if need be. */
struct vib_control_request reg_mr(struct peer *p, uint32_t pd, uint32_t count)
{
	uint32_t *list = memory_of(p, LIST), *root = memory_of(p, ROOT);
	const uint32_t own = ITS_PAGES - DATA;

	for (uint32_t i = 0; i < VIB_LIST_REFS; i++) {
		list[i] = page_of(p, DATA + i % own);
		root[i] = page_of(p, LIST);
	}
	return (struct vib_control_request){
		.operation = VIB_CMD_REG_MR,
		.u.reg_mr = { .iova = 0x10000,
			      .length = (uint64_t)count * VIB_PAGE_SIZE,
			      .pd = pd,
			      .access = VIB_ACCESS_LOCAL_WRITE | VIB_ACCESS_MW_BIND,
			      .pages = { count,
					 page_of(p,
						 count > VIB_LIST_REFS ? ROOT : LIST) } },
	};
}

struct vib_control_request dereg_mr(uint32_t key)
{
	return (struct vib_control_request){ .operation = VIB_CMD_DEREG_MR,
					     .u.object = { .number = key } };
}

/* Register it: its key. */
uint32_t register_mr(struct peer *p, uint32_t count)
{
	struct vib_control_response rsp = execute(p, reg_mr(p, pd_of(p), count));

	assert_int_equal(rsp.status, 0);
	return rsp.u.reg_mr.lkey;
}

/* Both guests have three pages of their connections mapped. */
#define BOTH 6

unsigned int mapped(struct world *w)
{
	return fake_mappings(w->xen) - BOTH;
}

/* ---- the GSI ----------------------------------------------------------- */

static void take_mad(struct mad_taker *taker, struct vib *vib,
		     const struct mad_packet *packet)
{
	struct world *w = (struct world *)((char *)taker - offsetof(struct world, taker));

	assert_true(w->num_taken < sizeof(w->taken) / sizeof(w->taken[0]));
	w->taken[w->num_taken++] = (struct taken){ vib, *packet };
}

/* But none that begins with 0. */
static bool process_mad(struct mad_taker *taker, struct vib *vib,
			const uint8_t in[VIB_MAD_BYTES], uint8_t out[VIB_MAD_BYTES])
{
	(void)taker;
	(void)vib;
	for (unsigned int i = 0; i < VIB_MAD_BYTES; i++)
		out[i] = (uint8_t)~in[i];
	return in[0];
}

static struct mcast_rule mcast_rule(struct mad_taker *taker, struct vib *vib,
				    const struct vib_gid *mgid)
{
	(void)taker;
	(void)vib;
	(void)mgid;
	return (struct mcast_rule){ 0 };
}

static void gone(struct mad_taker *taker, struct vib *vib)
{
	struct world *w = (struct world *)((char *)taker - offsetof(struct world, taker));

	(void)vib;
	w->num_gone++;
}

/* ---- coming and going -------------------------------------------------- */

void make_peer(struct world *w, struct peer *p, unsigned int domid)
{
	p->w = w;
	p->domid = domid;
	snprintf(p->be, sizeof(p->be), "/local/domain/0/backend/vib/%u/0", domid);
	snprintf(p->fe, sizeof(p->fe), "/local/domain/%u/device/vib/0", domid);
	fake_introduce(fake_xen_store(w->xen), (uint16_t)domid, "uuid", "guest");
	plug(p, domid);
}

int set_up_with(void **state, struct mad_taker *(*begin)(struct world *w))
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
	assert_int_equal(
		xenport_write(fake_xen_port(w->xen), 0, "/local/domain/0/domid", "0"), 0);
	assert_int_equal(backend_start(&w->backend, &w->loop, fake_xen_port(w->xen),
				       &w->fabrics, w->engine, 0,
				       &fake_jobs(w->xen)->jobs, ""),
			 0);
	backend_take_mads(&w->backend, begin(w));
	make_peer(w, &w->a, 1);
	make_peer(w, &w->b, 2);
	join(&w->a);
	join(&w->b);
	assert_int_equal(mapped(w), 0);
	*state = w;
	return 0;
}

static struct mad_taker *begin_fake(struct world *w)
{
	w->taker = (struct mad_taker){ take_mad, process_mad, mcast_rule, gone };
	return &w->taker;
}

int set_up(void **state)
{
	return set_up_with(state, begin_fake);
}

/* Whatever a test did, nothing may be left, and nothing counted. */
int tear_down(void **state)
{
	struct world *w = *state;

	if (!w->stopped)
		backend_stop(&w->backend);
	fake_settle(w->xen);
	assert_int_equal(fake_mappings(w->xen), 0);
	assert_int_equal(fake_bound_ports(w->xen), 0);
	assert_int_equal(w->engine->mappings, 0);
	assert_int_equal(w->backend.mapped, 0);
	if (w->end_gsi) {
		w->end_gsi(w);
		uv_run(&w->loop, UV_RUN_DEFAULT); /* files are closed elsewhere */
	}
	assert_int_equal(uv_loop_close(&w->loop), 0);
	fabric_table_free(&w->fabrics);
	engine_free(w->engine);
	rcu_unregister_thread();
	fake_xen_free(w->xen);
	free(w);
	return 0;
}
