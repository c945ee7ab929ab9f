// SPDX-License-Identifier: GPL-2.0-or-later
/* A pass, and a poller's beginning and end. */
#include "engine/poller.h"

#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "engine/clock.h"
#include "engine/poller_parts.h"
#include "engine/poller_thread.h"
#include "engine/tokens.h"
#include "xenport/xenport.h"

/* Passes between two looks at the clock; at the bells, while QPs are hot; and for
 * QPs to cool.
 */
#define CLOCK_PASSES   16
#define BELL_PASSES    4
/* And at the channels of HCAs, which takes a system call for each. */
#define CHANNEL_PASSES 32
#define COOLING        256
#define PASS_TIMERS    256 /* at most */
#define PASS_PAGES     8   /* doorbell pages looked at, at most */

static bool look_at_clock(struct poller *poller)
{
	poller->now = clock_ns();
	return timers_run(&poller->timers, poller->now, PASS_TIMERS);
}

void poller_catch_up(struct poller *poller)
{
	uint64_t worked = poller->idle_since;

	if (look_at_clock(poller))
		poller->idle_since = poller->now;
	(void)poller_take_bells(poller, poller->num_doorbells);
	(void)poller_take_channels(poller);
	if (poller->idle_since != worked)
		spin_missed(&poller->spin, poller->idle_since - worked);
}

bool poller_pass(struct poller *poller)
{
	unsigned int pass = ++poller->passes;
	bool worked = false, asked;

	poller_answer_call(poller);
	asked = poller_take_kicks(poller);
	if (!TAILQ_EMPTY(&poller->short_of_tokens))
		worked |= tokens_share_out(poller);
	worked |= poller_serve_hot(poller);
	if (!poller->num_hot || pass % BELL_PASSES == 0)
		worked |= poller_take_bells(poller, PASS_PAGES);
	if (pass % CHANNEL_PASSES == 0 && !TAILQ_EMPTY(&poller->channels))
		worked |= poller_take_channels(poller);
	if (pass % COOLING == 0)
		poller_cool_idle(poller);
	poller_drain_backlog(poller);
	if (pass % CLOCK_PASSES == 0)
		asked |= look_at_clock(poller);
	poller_notify_touched(poller); /* after all that may complete something */
	if (asked)
		poller->idle_since = poller->now;
	rcu_quiescent_state();
	return worked || asked;
}

int poller_init(struct poller *poller, struct engine *engine, enum poll_mode mode)
{
	memset(poller, 0, sizeof(*poller));
	poller->engine = engine;
	poller->mode = mode;
	spin_fix(&poller->spin, DEFAULT_SPIN_NS);
	poller->now = clock_ns();
	RB_INIT(&poller->timers);
	TAILQ_INIT(&poller->vhcas);
	TAILQ_INIT(&poller->short_of_tokens);
	TAILQ_INIT(&poller->channels);
	TAILQ_INIT(&poller->backlog);
	__cds_wfcq_init(&poller->kicks_head, &poller->kicks_tail);
	poller->epoll_fd = -1;
	poller->wake_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	if (poller->wake_fd < 0)
		return -1;
	sem_init(&poller->called, 0, 0);
	return 0;
}

void poller_add_events(struct poller *poller, struct xenport *events)
{
	poller->events[poller->num_events++] = events;
}

void poller_fini(struct poller *poller)
{
	poller_stop(poller);
	while (poller->num_events)
		xenport_close(poller->events[--poller->num_events]);
	if (poller->epoll_fd >= 0)
		close(poller->epoll_fd);
	close(poller->wake_fd);
	sem_destroy(&poller->called);
}
