// SPDX-License-Identifier: GPL-2.0-or-later
#include "wire/umad.h"

#include <endian.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <infiniband/umad_sa.h>
#include <infiniband/umad_types.h>

#include "log.h"
#include "wire/umad_packet.h"
#include "wire/umad_parts.h"

#define CM_CLASS_VERSION  2

/* MADs that are read in one turn of the loop; others have theirs. */
#define READS_A_TURN      16

/* Less than until it is asked again: the kernel takes no request twice at a time. */
#define ANSWER_TIMEOUT_MS 1900

/* Longer than all paths of the largest subnet: 49 152 LIDs. */
#define UMAD_TABLE_MAX    (64 << 20)

/* Into which longer ones are read; of whole pages, and so large that few are mapped. */
#define WASTE_BYTES       ((size_t)1 << 20)

/* The loop's thread's: an agent has its file, and what it claimed, for a while longer. */
static LIST_HEAD(agents, umad_agent) started = LIST_HEAD_INITIALIZER(started),
				     ending = LIST_HEAD_INITIALIZER(ending);

/* ---- what senders share ---------------------------------------------------- */

static struct umad_shared *shared_new(const char *device, uint8_t port)
{
	struct umad_shared *shared;

	if (strlen(device) >= sizeof(shared->device)) {
		errno = ENAMETOOLONG;
		return NULL;
	}
	shared = calloc(1, sizeof(*shared));
	if (!shared)
		return NULL;
	pthread_mutex_init(&shared->lock, NULL);
	shared->users = 1;
	strcpy(shared->device, device);
	shared->port = port;
	return shared;
}

void umad_shared_hold(struct umad_shared *shared)
{
	pthread_mutex_lock(&shared->lock);
	shared->users++;
	pthread_mutex_unlock(&shared->lock);
}

void umad_shared_drop(struct umad_shared *shared)
{
	bool last;

	pthread_mutex_lock(&shared->lock);
	last = --shared->users == 0;
	pthread_mutex_unlock(&shared->lock);
	if (!last)
		return;
	pthread_mutex_destroy(&shared->lock);
	free(shared);
}

void umad_shared_wake(struct umad_shared *shared)
{
	pthread_mutex_lock(&shared->lock);
	if (shared->wake)
		uv_async_send(shared->wake);
	pthread_mutex_unlock(&shared->lock);
}

int umad_open(const char *device, uint8_t port)
{
	static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
	int file;

	pthread_mutex_lock(&lock);
	file = umad_open_port(device, port);
	pthread_mutex_unlock(&lock);
	if (file >= 0)
		return file;
	/* What it calls invalid is a name or number of nothing that is there. */
	errno = file == -1 || file == -EINVAL ? ENODEV : -file;
	return -1;
}

/* ---- receiving ------------------------------------------------------------- */

static void take(struct umad_agent *agent, int id, const struct umad_buffer *in,
		 int length)
{
	const ib_mad_addr_t *addr = &in->head.addr;
	struct mad_packet packet;

	if (id == agent->sa_id || id == agent->reports_id) {
		/* What others say is not its word. */
		if (be16toh(addr->lid) == agent->subnet.sm_lid)
			agent->events->sa_received(agent->arg, in->mad, (size_t)length);
		return;
	}
	umad_packet_get(&packet, in, length);
	if (!agent->subnet.infiniband)
		packet.slid = 0; /* RoCE has none */
	if (addr->pkey_index < UMAD_PKEYS)
		packet.pkey = agent->pkeys[addr->pkey_index];
	if (packet.grh &&
	    !agent->events->gid_at(agent->arg, addr->gid_index, &packet.dgid))
		memset(&packet.dgid, 0, sizeof(packet.dgid));
	agent->events->received(agent->arg, &packet);
}

/*
 * Room for @size bytes that nobody reads, all of it the same few: what the kernel keeps
 * goes away when it is read, and in no other way. NULL: there is none.
 */
static void *waste_map(size_t size)
{
	uint8_t *waste = mmap(NULL, size, PROT_NONE,
			      MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	int fd = memfd_create("ibback-waste", MFD_CLOEXEC);
	bool mapped = waste != MAP_FAILED && fd >= 0 && ftruncate(fd, WASTE_BYTES) == 0;

	for (size_t at = 0; mapped && at < size; at += WASTE_BYTES)
		/* The range is waste's, which is returned. */
		/* cppcheck-suppress leakReturnValNotUsed */
		mapped = mmap(waste + at, WASTE_BYTES, PROT_READ | PROT_WRITE,
			      MAP_SHARED | MAP_FIXED, fd, 0) != MAP_FAILED;
	if (fd >= 0)
		close(fd);
	if (!mapped && waste != MAP_FAILED)
		munmap(waste, size);
	return mapped ? waste : NULL;
}

/* false: there is no room even to read it, and it is still the next. */
static bool drop_table(struct umad_agent *agent, int length)
{
	size_t size = (sizeof(struct ib_user_mad) + (size_t)length + WASTE_BYTES - 1) /
		      WASTE_BYTES * WASTE_BYTES;
	void *waste = waste_map(size);

	if (waste) {
		(void)umad_recv(agent->file, waste, &length, 0);
		munmap(waste, size);
	}
	if (!waste && agent->stuck)
		return false; /* which has been said */
	agent->stuck = !waste;
	log_warn("fabric %s: a table of %d bytes from %s's subnet is %s: %s",
		 agent->fabric, length, agent->shared->device,
		 waste ? "dropped" : "in the way of all behind it",
		 length > UMAD_TABLE_MAX ? "too long" : "out of memory");
	return waste;
}

/*
 * A table may be longer than a MAD; the kernel then says how long, and keeps it until it
 * is read. Anybody may have sent it. false: nothing behind it can be read yet.
 */
static bool take_table(struct umad_agent *agent, int length)
{
	struct ib_user_mad *in = NULL;
	int id;

	if (length <= UMAD_TABLE_MAX)
		in = malloc(sizeof(*in) + (size_t)length);
	if (!in)
		return drop_table(agent, length);
	errno = 0;
	id = umad_recv(agent->file, in, &length, 0);
	if (id >= 0 && id == agent->sa_id && umad_status(in) == 0 &&
	    be16toh(in->addr.lid) == agent->subnet.sm_lid)
		agent->events->sa_received(agent->arg, in->data, (size_t)length);
	free(in);
	return true;
}

/*
 * Nothing comes any more, and a descriptor that always has an event would spin. What it
 * claimed is its file's until that is closed.
 */
static void lose(struct umad_agent *agent)
{
	uv_poll_stop(&agent->poll);
	agent->lost = true;
	log_warn("fabric %s: %s is gone: no connection management beyond this host",
		 agent->fabric, agent->shared->device);
	agent->events->gone(agent->arg);
}

static void on_readable(uv_poll_t *poll, int status, int events)
{
	struct umad_agent *agent = poll->data;
	struct umad_buffer in;

	(void)events;
	for (unsigned int i = 0; status == 0 && i < READS_A_TURN; i++) {
		int length = UMAD_MAD_MAX, id;

		errno = 0;
		id = umad_recv(agent->file, &in, &length, 0);
		if (id < 0 && (errno == EAGAIN || errno == EINTR))
			return;
		if (id < 0 && errno == ENOSPC) {
			if (!take_table(agent, length))
				return;
		} else if (id < 0)
			status = id;
		else if (umad_status(&in) == 0) /* else it is one of ours, not sent */
			take(agent, id, &in, length);
	}
	if (status < 0)
		lose(agent);
}

/* ---- the claim --------------------------------------------------------------- */

static int claim(struct umad_agent *agent)
{
	long methods[16 / sizeof(long)] = { 1L << UMAD_METHOD_SEND };

	errno = 0;
	agent->id =
		umad_register(agent->file, UMAD_CLASS_CM, CM_CLASS_VERSION, 0, methods);
	if (agent->id >= 0)
		return 0;
	agent->id = -1;
	errno = EBUSY;
	return -1;
}

/* Has one that is ending claims to the port of @agent? */
static bool is_held(const struct umad_agent *agent)
{
	const struct umad_agent *a;

	LIST_FOREACH(a, &ending, entry)
	if ((a->id >= 0 || a->sa_id >= 0 || a->reports_id >= 0) &&
	    a->shared->port == agent->shared->port &&
	    strcmp(a->shared->device, agent->shared->device) == 0)
		return true;
	return false;
}

/*
 * What asks has no methods, so that nobody else's requests come to it; and what has
 * Reports has no RMPP, as anybody could have the kernel put together long ones.
 */
static void claim_sa(struct umad_agent *agent)
{
	long methods[16 / sizeof(long)] = { 1L << UMAD_METHOD_REPORT };

	if (agent->sa_id < 0)
		agent->sa_id =
			umad_register(agent->file, UMAD_CLASS_SUBN_ADM,
				      UMAD_SA_CLASS_VERSION, UMAD_RMPP_VERSION, NULL);
	if (agent->sa_id < 0)
		log_err("fabric %s: cannot ask the administrator of %s's subnet: error "
			"%d",
			agent->fabric, agent->shared->device, -agent->sa_id);
	/* srp_daemon may have them. */
	if (agent->reports_id < 0)
		agent->reports_id = umad_register(agent->file, UMAD_CLASS_SUBN_ADM,
						  UMAD_SA_CLASS_VERSION, 0, methods);
	if (agent->reports_id < 0)
		log_warn("fabric %s: another program has the Reports of %s's subnet, so "
			 "guests hear of none; 'vibctl fabric reclaim %s' asks for them "
			 "again",
			 agent->fabric, agent->shared->device, agent->fabric);
}

void umad_agent_set_subnet(struct umad_agent *agent, const struct umad_subnet *subnet)
{
	agent->subnet.sm_lid = subnet->sm_lid;
	agent->subnet.sm_sl = subnet->sm_sl;
}

int umad_agent_ask(struct umad_agent *agent, const uint8_t mad[VIB_MAD_BYTES])
{
	bool answers = mad[offsetof(struct umad_hdr, method)] & UMAD_METHOD_RESP_MASK;
	struct umad_buffer out;

	if (agent->lost || agent->sa_id < 0 || !agent->subnet.sm_lid) {
		errno = ENODEV;
		return -1;
	}
	umad_packet_put_plain(&out, mad, agent->subnet.sm_lid, agent->subnet.sm_sl);
	/* The kernel knows an answer by its request, for as long as that lasts. */
	return umad_send(agent->file, agent->sa_id, &out, VIB_MAD_BYTES,
			 answers ? 0 : ANSWER_TIMEOUT_MS, 0) == 0
		       ? 0
		       : -1;
}

static void explain(const struct umad_agent *agent)
{
	const char *who = access("/sys/module/ib_cm", F_OK) == 0 ? "the kernel's ib_cm"
								 : "another program";

	log_warn("fabric %s: %s has connection management of %s, so guests connect to "
		 "nobody beyond this host; 'vibctl fabric reclaim %s' takes it",
		 agent->fabric, who, agent->shared->device, agent->fabric);
}

/* All that it is to have, and has not. */
static void begin_claims(struct umad_agent *agent)
{
	if (agent->id < 0 && claim(agent) < 0)
		explain(agent);
	if (agent->subnet.infiniband)
		claim_sa(agent);
}

bool umad_agent_has_cm(const struct umad_agent *agent)
{
	return agent->id >= 0 && !agent->lost;
}

int umad_reclaim(struct umad_agent *agent)
{
	bool had = agent->id >= 0;

	if (agent->lost) {
		errno = ENODEV;
		return -1;
	}
	if (agent->waits && is_held(agent)) {
		errno = EBUSY;
		return -1;
	}
	agent->waits = false;
	begin_claims(agent);
	if (agent->id < 0) {
		errno = EBUSY;
		return -1;
	}
	if (!had)
		log_info("fabric %s: connection management beyond this host by %s",
			 agent->fabric, agent->shared->device);
	return 0;
}

/* ---- P_Keys ------------------------------------------------------------------ */

int umad_read_pkeys(const char *device, uint8_t port, uint16_t pkeys[UMAD_PKEYS])
{
	umad_port_t attr;
	int err;

	memset(pkeys, 0, UMAD_PKEYS * sizeof(pkeys[0]));
	err = umad_get_port(device, port, &attr);
	if (err < 0) {
		errno = err == -1 || err == -EINVAL ? ENODEV : -err;
		return -1;
	}
	for (unsigned int i = 0; i < attr.pkeys_size && i < UMAD_PKEYS; i++)
		pkeys[i] = attr.pkeys[i];
	umad_release_port(&attr);
	return 0;
}

void umad_agent_set_pkeys(struct umad_agent *agent, const uint16_t pkeys[UMAD_PKEYS])
{
	memcpy(agent->pkeys, pkeys, sizeof(agent->pkeys));
}

/* ---- beginning and end ------------------------------------------------------- */

static void on_wake(uv_async_t *wake)
{
	struct umad_agent *agent = wake->data;
	struct umad_sender *sender, *next;

	for (sender = LIST_FIRST(&agent->senders); sender; sender = next) {
		unsigned int unsent = umad_sender_unsent(sender);

		next = umad_sender_next(sender);
		if (unsent)
			agent->events->unsent(agent->arg, umad_sender_owner(sender),
					      unsent);
	}
}

/* Those that wait for a claim, one after the other. */
static void claim_again(void)
{
	struct umad_agent *agent;

	LIST_FOREACH(agent, &started, entry)
	{
		if (!agent->waits || is_held(agent))
			continue;
		agent->waits = false;
		begin_claims(agent);
		if (umad_agent_has_cm(agent))
			agent->events->claimed(agent->arg);
	}
}

/* What it registered ends with the file. */
static void close_file(uv_work_t *closing)
{
	const struct umad_agent *agent = closing->data;

	umad_close_port(agent->file);
}

static void has_ended(uv_work_t *closing, int status)
{
	struct umad_agent *agent = closing->data;

	(void)status; /* nothing cancels it */
	LIST_REMOVE(agent, entry);
	umad_shared_drop(agent->shared);
	free(agent);
	claim_again();
}

static void on_closed(uv_handle_t *handle)
{
	struct umad_agent *agent = handle->data;

	if (--agent->open_handles)
		return;
	agent->closing.data = agent;
	/* Fails only without a function to call. */
	(void)uv_queue_work(agent->loop, &agent->closing, close_file, has_ended);
}

/* The file, for the loop: -1 and errno. */
static int open_file(struct umad_agent *agent)
{
	int flags;

	agent->file = umad_open(agent->shared->device, agent->shared->port);
	if (agent->file < 0)
		return -1;
	flags = fcntl(agent->file, F_GETFL);
	if (flags >= 0 && fcntl(agent->file, F_SETFL, flags | O_NONBLOCK) == 0)
		return 0;
	flags = errno;
	umad_close_port(agent->file);
	errno = flags;
	return -1;
}

static void watch(struct umad_agent *agent, uv_loop_t *loop)
{
	uv_async_init(loop, &agent->wake, on_wake);
	agent->wake.data = agent;
	uv_unref((uv_handle_t *)&agent->wake);
	agent->shared->wake = &agent->wake;
	uv_poll_init(loop, &agent->poll, agent->file);
	agent->poll.data = agent;
	uv_poll_start(&agent->poll, UV_READABLE, on_readable);
	uv_unref((uv_handle_t *)&agent->poll);
	agent->open_handles = 2;
	agent->loop = loop;
	LIST_INSERT_HEAD(&started, agent, entry);
}

struct umad_agent *umad_agent_start(uv_loop_t *loop, const char *fabric,
				    const char *device, uint8_t port,
				    const struct umad_subnet *subnet,
				    const struct umad_events *events, void *arg)
{
	struct umad_agent *agent = calloc(1, sizeof(*agent));

	if (!agent)
		return NULL;
	agent->events = events;
	agent->arg = arg;
	agent->id = -1;
	agent->subnet = *subnet;
	agent->sa_id = -1;
	agent->reports_id = -1;
	snprintf(agent->fabric, sizeof(agent->fabric), "%s", fabric);
	LIST_INIT(&agent->senders);
	agent->shared = shared_new(device, port);
	if (!agent->shared) {
		free(agent);
		return NULL;
	}
	if (open_file(agent) < 0) {
		int err = errno;

		umad_shared_drop(agent->shared);
		free(agent);
		errno = err;
		return NULL;
	}
	watch(agent, loop);
	agent->waits = is_held(agent);
	if (!agent->waits)
		begin_claims(agent);
	return agent;
}

void umad_agent_stop(struct umad_agent *agent)
{
	if (!agent)
		return;
	pthread_mutex_lock(&agent->shared->lock);
	agent->shared->wake = NULL;
	pthread_mutex_unlock(&agent->shared->lock);
	LIST_REMOVE(agent, entry);
	LIST_INSERT_HEAD(&ending, agent, entry);
	uv_poll_stop(&agent->poll);
	uv_close((uv_handle_t *)&agent->poll, on_closed);
	uv_close((uv_handle_t *)&agent->wake, on_closed);
}
