// SPDX-License-Identifier: GPL-2.0-or-later
#include "engine/poller_thread.h"

#include <errno.h>
#include <sched.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <time.h>

#include "engine/clock.h"
#include "engine/doorbell.h"
#include "engine/poller_parts.h"
#include "engine/rcu.h"
#include "engine/tokens.h"
#include "engine/vhca.h"
#include "xenport/xenport.h"

static void relax(void)
{
#if defined(__x86_64__) || defined(__i386__)
	__builtin_ia32_pause();
#elif defined(__aarch64__)
	__asm__ volatile("yield");
#endif
}

/* ---- sleep ------------------------------------------------------------- */

/* Tell every guest that its bells need an event. false if one rang meanwhile. */
static bool announce_sleep(struct poller *poller)
{
	struct doorbell *db;
	struct vhca *vhca;
	bool quiet = true;

	TAILQ_FOREACH(vhca, &poller->vhcas, polled)
	TAILQ_FOREACH(db, &vhca->doorbells_polled, entry)
	if (vib_doorbell_sleep(db->page))
		quiet = false;
	return quiet;
}

static void announce_waking(struct poller *poller)
{
	struct doorbell *db;
	struct vhca *vhca;

	TAILQ_FOREACH(vhca, &poller->vhcas, polled)
	TAILQ_FOREACH(db, &vhca->doorbells_polled, entry)
	vib_doorbell_wake(db->page);
}

/*
 * Events say only that a bell rang. They stay masked until the poller wants
 * to be woken again, so that a guest that sends them in a storm wakes nobody.
 */
static void take_events(struct poller *poller, struct xenport *events)
{
	uint32_t port;

	while (poller->num_masked < MASKED_PORTS &&
	       xenport_next_event(events, &port) > 0) {
		poller->masked[poller->num_masked].events = events;
		poller->masked[poller->num_masked++].port = port;
	}
}

static void unmask_events(struct poller *poller)
{
	/* Fails for a channel that was closed meanwhile. */
	while (poller->num_masked) {
		poller->num_masked--;
		(void)xenport_unmask(poller->masked[poller->num_masked].events,
				     poller->masked[poller->num_masked].port);
	}
}

/* Nobody tells that there is room in an event queue again. */
#define BACKLOG_NS 1000000

static uint64_t wake_time(struct poller *poller, uint64_t now)
{
	uint64_t next = timers_next(&poller->timers), turn = tokens_next(poller);

	if (turn < next)
		next = turn;
	if (!TAILQ_EMPTY(&poller->backlog) && next > now + BACKLOG_NS)
		next = now + BACKLOG_NS;
	return next;
}

static void wait_for_events(struct poller *poller)
{
	uint64_t now = clock_ns(), next = wake_time(poller, now);
	uint64_t ns = next == NEVER ? 0 : next > now ? next - now : 0;
	struct timespec timeout = { .tv_sec = (time_t)(ns / 1000000000),
				    .tv_nsec = (long)(ns % 1000000000) };
	struct epoll_event event;
	eventfd_t value;

	rcu_thread_offline();
	(void)epoll_pwait2(poller->epoll_fd, &event, 1, next == NEVER ? NULL : &timeout,
			   NULL);
	rcu_thread_online();
	(void)eventfd_read(poller->wake_fd, &value);
	for (unsigned int i = 0; i < poller->num_events; i++)
		take_events(poller, poller->events[i]);
}

static bool must_stay_awake(struct poller *poller)
{
	return poller_has_kicks(poller) ||
	       __atomic_load_n(&poller->call_waits, __ATOMIC_ACQUIRE) ||
	       __atomic_load_n(&poller->stop, __ATOMIC_ACQUIRE);
}

static void sleep_if_quiet(struct poller *poller)
{
	if (!poller_cool_all(poller))
		return;
	unmask_events(poller);
	__atomic_store_n(&poller->sleeps, true, __ATOMIC_RELAXED);
	if (announce_sleep(poller)) {
		vib_full_barrier(); /* sleep is announced before we look for kicks */
		if (!must_stay_awake(poller))
			wait_for_events(poller);
	}
	__atomic_store_n(&poller->sleeps, false, __ATOMIC_RELAXED);
	announce_waking(poller);
	poller_catch_up(poller);
}

static void idle(struct poller *poller)
{
	relax();
	if (poller->mode == POLL_ALWAYS)
		return;
	if (poller->mode == POLL_ADAPTIVE &&
	    poller->now < poller->idle_since + poller->spin.now)
		return;
	sleep_if_quiet(poller);
}

/* ---- the thread -------------------------------------------------------- */

static void *run(void *arg)
{
	struct poller *poller = arg;

	rcu_register_thread();
	poller->idle_since = clock_ns();
	while (!__atomic_load_n(&poller->stop, __ATOMIC_ACQUIRE))
		if (!poller_pass(poller))
			idle(poller);
	rcu_unregister_thread();
	return NULL;
}

static int watch(struct poller *poller, int fd)
{
	struct epoll_event event = { .events = EPOLLIN };

	return epoll_ctl(poller->epoll_fd, EPOLL_CTL_ADD, fd, &event);
}

int poller_start(struct poller *poller, int cpu)
{
	poller->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	if (poller->epoll_fd < 0 || watch(poller, poller->wake_fd) < 0)
		return -1;
	for (unsigned int i = 0; i < poller->num_events; i++)
		if (watch(poller, xenport_event_fd(poller->events[i])) < 0)
			return -1;
	errno = pthread_create(&poller->thread, NULL, run, poller);
	if (errno)
		return -1;
	poller->threaded = true;
	if (cpu >= 0) {
		cpu_set_t set;

		CPU_ZERO(&set);
		CPU_SET(cpu, &set);
		errno = pthread_setaffinity_np(poller->thread, sizeof(set), &set);
		if (errno)
			return -1;
	}
	return 0;
}

void poller_stop(struct poller *poller)
{
	if (!poller->threaded)
		return;
	__atomic_store_n(&poller->stop, true, __ATOMIC_RELEASE);
	eventfd_write(poller->wake_fd, 1);
	pthread_join(poller->thread, NULL);
	poller->threaded = false;
}
