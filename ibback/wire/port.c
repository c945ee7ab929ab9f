// SPDX-License-Identifier: GPL-2.0-or-later
#include "wire/port.h"

#include <endian.h>
#include <errno.h>
#include <fcntl.h>
#include <net/if.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "wire/parts.h"

/* ---- finding ----------------------------------------------------------- */

/* That of @list, with a NULL behind its last. */
static struct ibv_device *find_device(struct ibv_device **list, const char *name)
{
	while (*list && strcmp(ibv_get_device_name(*list), name) != 0)
		list++;
	return *list;
}

static struct ibv_context *open_device(const char *name)
{
	struct ibv_device **list = ibv_get_device_list(NULL), *device;
	struct ibv_context *context = NULL;
	int error = ENODEV;

	if (!list)
		return NULL;
	device = find_device(list, name);
	if (device) {
		errno = 0;
		context = ibv_open_device(device);
		error = errno ? errno : EIO;
	}
	ibv_free_device_list(list);
	if (!context)
		errno = error;
	return context;
}

/*
 * Can memory be registered that is mapped read-only and shared, as grants are? Asked of
 * the HCA itself, since it depends on the kernel and on its driver.
 */
static bool registers_read_only(const struct wire_port *p)
{
	struct ibv_pd *pd = ibv_alloc_pd(p->context);
	struct ibv_mr *mr = NULL;
	void *at =
		mmap(NULL, VIB_PAGE_SIZE, PROT_READ, MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	if (pd && at != MAP_FAILED)
		mr = ibv_reg_mr(pd, at, VIB_PAGE_SIZE, 0);
	if (mr)
		(void)ibv_dereg_mr(mr);
	if (at != MAP_FAILED)
		(void)munmap(at, VIB_PAGE_SIZE);
	if (pd)
		(void)ibv_dealloc_pd(pd);
	return mr != NULL;
}

static int prepare(struct wire_port *p)
{
	struct ibv_port_attr attr;
	int flags = fcntl(p->context->async_fd, F_GETFL);

	errno = ibv_query_device(p->context, &p->attr);
	if (errno)
		return -1;
	if (!p->number || p->number > p->attr.phys_port_cnt) {
		errno = ENODEV;
		return -1;
	}
	errno = ibv_query_port(p->context, p->number, &attr);
	if (errno)
		return -1;
	p->mtu = (uint8_t)attr.active_mtu;
	p->ethernet = attr.link_layer == IBV_LINK_LAYER_ETHERNET;
	p->pins_for_writing = !registers_read_only(p);
	if (flags < 0 || fcntl(p->context->async_fd, F_SETFL, flags | O_NONBLOCK) < 0)
		return -1;
	return table_init(&p->qps, WIRE_QP_BUCKETS);
}

struct wire_port *wire_port_open(const char *device, uint8_t number,
				 const struct wire_port_events *events, void *arg)
{
	struct wire_port *p = calloc(1, sizeof(*p));
	int error;

	if (!p)
		return NULL;
	snprintf(p->device, sizeof(p->device), "%s", device);
	p->number = number;
	p->events = events;
	p->arg = arg;
	LIST_INIT(&p->channels);
	p->context = open_device(device);
	if (!p->context)
		goto fail;
	if (prepare(p) == 0)
		return p;
	error = errno;
	(void)ibv_close_device(p->context);
	errno = error;
fail:
	error = errno;
	free(p);
	errno = error;
	return NULL;
}

void wire_port_close(struct wire_port *p)
{
	wire_cqs_end(p);
	/* An HCA that was removed cannot be asked, and has nothing left. */
	(void)ibv_close_device(p->context);
	table_fini(&p->qps);
	free(p);
}

int wire_errno(int error)
{
	switch (error) {
	case 0:
		return 0;
	case ENOMEM:
	case EAGAIN: /* the limit on locked memory */
		return -ENOMEM;
	case EOPNOTSUPP:
	case ENOSYS:
		return -EOPNOTSUPP;
	case EBUSY:
		return -EBUSY;
	default:
		return -EINVAL;
	}
}

/* ---- what it is -------------------------------------------------------- */

const char *wire_port_device(const struct wire_port *p)
{
	return p->device;
}

uint8_t wire_port_number(const struct wire_port *p)
{
	return p->number;
}

struct ibv_context *wire_port_context(const struct wire_port *p)
{
	return p->context;
}

unsigned int wire_port_users(const struct wire_port *p)
{
	return p->users;
}

int wire_port_fd(const struct wire_port *p)
{
	return p->context->async_fd;
}

/* The GIDs of @p, at most @most of them. -1 and errno. */
static int read_gids(const struct wire_port *p, struct ibv_gid_entry *gids, size_t most)
{
	ssize_t count = ibv_query_gid_table(p->context, gids, most, 0);

	if (count >= 0)
		return (int)count;
	errno = (int)-count;
	return -1;
}

static bool is_usable(const struct wire_port *p, const struct ibv_gid_entry *gid)
{
	return gid->port_num == p->number &&
	       gid->gid_type == (p->ethernet ? IBV_GID_TYPE_ROCE_V2 : IBV_GID_TYPE_IB);
}

_Static_assert(WIRE_NETDEV_MAX == IF_NAMESIZE, "names");

static void name_netdev(const struct wire_port *p, char name[WIRE_NETDEV_MAX])
{
	struct ibv_gid_entry gids[WIRE_GIDS];
	int count = read_gids(p, gids, WIRE_GIDS);

	name[0] = '\0';
	for (int i = 0; i < count; i++)
		if (is_usable(p, &gids[i]) && gids[i].ndev_ifindex &&
		    if_indextoname(gids[i].ndev_ifindex, name))
			return;
}

/* One that cannot be taken from who has it open, as Soft-RoCE, goes without an event; its
 * removal waits until it is closed.
 */
static bool is_removed(const struct wire_port *p)
{
	struct ibv_device **list = ibv_get_device_list(NULL);
	bool removed = list && !find_device(list, p->device);

	if (list)
		ibv_free_device_list(list);
	return removed;
}

static uint32_t mtu_bytes(enum ibv_mtu mtu)
{
	return mtu >= IBV_MTU_256 && mtu <= IBV_MTU_4096 ? 128u << mtu : 256;
}

int wire_port_state(struct wire_port *p, struct wire_port_state *state)
{
	struct ibv_port_attr attr;

	memset(state, 0, sizeof(*state));
	if (is_removed(p)) {
		errno = ENODEV;
		return -1;
	}
	errno = ibv_query_port(p->context, p->number, &attr);
	if (errno)
		return -1;
	state->active = attr.state == IBV_PORT_ACTIVE;
	state->ethernet = p->ethernet;
	p->mtu = (uint8_t)attr.active_mtu;
	state->mtu = mtu_bytes(attr.active_mtu);
	state->lid = attr.lid;
	state->sm_lid = attr.sm_lid;
	state->sm_sl = attr.sm_sl;
	state->active_width = attr.active_width;
	state->active_speed = attr.active_speed;
	state->gids = attr.gid_tbl_len > 0 ? (unsigned int)attr.gid_tbl_len : 0;
	if (p->ethernet)
		name_netdev(p, state->netdev);
	else if (wire_port_gid_at(p, 0, &state->gid) < 0)
		return -1;
	return 0;
}

int wire_port_gid_index(const struct wire_port *p, const struct vib_gid *gid)
{
	struct ibv_gid_entry gids[WIRE_GIDS];
	int count = read_gids(p, gids, WIRE_GIDS);

	for (int i = 0; i < count; i++)
		if (is_usable(p, &gids[i]) &&
		    memcmp(gids[i].gid.raw, gid->raw, sizeof(gid->raw)) == 0)
			return (int)gids[i].gid_index;
	if (count >= 0)
		errno = ENOENT;
	return -1;
}

int wire_port_gid_at(const struct wire_port *p, unsigned int index, struct vib_gid *gid)
{
	union ibv_gid at;

	if (index > INT_MAX ||
	    ibv_query_gid(p->context, p->number, (int)index, &at) != 0) {
		errno = ENOENT;
		return -1;
	}
	memcpy(gid->raw, at.raw, sizeof(gid->raw));
	return 0;
}

int wire_port_pkey_index(const struct wire_port *p, uint16_t pkey)
{
	__be16 at;

	/* Free places of the table are no P_Keys, and nor is a vport's. */
	for (int i = 0; pkey & 0x7fff && i < p->attr.max_pkeys; i++) {
		if (ibv_query_pkey(p->context, p->number, i, &at) != 0)
			break;
		if (be16toh(at) == pkey)
			return i;
	}
	errno = ENOENT;
	return -1;
}

/* ---- events ------------------------------------------------------------ */

static void on_port(struct wire_port *p, const struct ibv_async_event *event)
{
	if (event->element.port_num != p->number)
		return;
	if (event->event_type == IBV_EVENT_CLIENT_REREGISTER)
		p->events->reregister(p, p->arg);
	else
		p->events->changed(p, p->arg);
}

/* Its QP is there until the event is acknowledged. */
static void on_qp(const struct ibv_async_event *event, enum vib_async_type type,
		  bool failed)
{
	struct hca_qp *q = event->element.qp->qp_context;

	wire_event(&q->base, type, failed);
}

/* Nothing more is heard of what the QP has posted. Its CQ's context is the QP. */
static void on_cq(const struct ibv_async_event *event)
{
	wire_event(event->element.cq->cq_context, VIB_ASYNC_QP_FATAL, true);
}

/* As with QPs. */
static void on_srq(const struct ibv_async_event *event)
{
	struct hca_srq *s = event->element.srq->srq_context;

	wire_srq_failed(&s->base);
}

static void on_event(struct wire_port *p, const struct ibv_async_event *event)
{
	switch (event->event_type) {
	case IBV_EVENT_PORT_ACTIVE:
	case IBV_EVENT_PORT_ERR:
	case IBV_EVENT_LID_CHANGE:
	case IBV_EVENT_PKEY_CHANGE:
	case IBV_EVENT_SM_CHANGE:
	case IBV_EVENT_GID_CHANGE:
	case IBV_EVENT_CLIENT_REREGISTER:
		on_port(p, event);
		break;
	case IBV_EVENT_COMM_EST:
		on_qp(event, VIB_ASYNC_QP_COMM_EST, false);
		break;
	case IBV_EVENT_QP_FATAL:
		on_qp(event, VIB_ASYNC_QP_FATAL, true);
		break;
	case IBV_EVENT_QP_REQ_ERR:
		on_qp(event, VIB_ASYNC_QP_REQ_ERR, true);
		break;
	case IBV_EVENT_QP_ACCESS_ERR:
		on_qp(event, VIB_ASYNC_QP_ACCESS_ERR, true);
		break;
	case IBV_EVENT_QP_LAST_WQE_REACHED:
		wire_is_flushed(&((struct hca_qp *)event->element.qp->qp_context)->base);
		break;
	case IBV_EVENT_SRQ_ERR:
		on_srq(event);
		break;
	case IBV_EVENT_CQ_ERR:
		on_cq(event);
		break;
	case IBV_EVENT_DEVICE_FATAL:
		p->gone = true;
		break;
	default:
		break;
	}
}

void wire_port_read_events(struct wire_port *p)
{
	struct ibv_async_event event;
	bool was_gone = p->gone;

	while (ibv_get_async_event(p->context, &event) == 0) {
		on_event(p, &event);
		ibv_ack_async_event(&event);
	}
	/* The last word, as who hears it closes the port. */
	if (p->gone && !was_gone)
		p->events->gone(p, p->arg);
}
