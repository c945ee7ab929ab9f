// SPDX-License-Identifier: GPL-2.0-or-later
#include "run.h"

#include <poll.h>
#include <signal.h>
#include <sys/eventfd.h>

#define SECOND     UINT64_C(1000000000)
#define PAUSE_MS   200
#define HEAR_NS    (20 * SECOND)
#define CACHE_LINE 64

static volatile sig_atomic_t stopped;

void run_stop(void)
{
	stopped = 1;
}

bool run_stopped(void)
{
	return stopped;
}

bool run_over(const struct run *run)
{
	return stopped || (run->tally.began &&
			   now_ns() - run->tally.began >= run->options.seconds * SECOND);
}

/* The client has nobody to wait for but the server; the server waits for its first
 * client for as long as that takes. */
static bool give_up(const struct run *run)
{
	if (run_over(run))
		return true;
	return run->options.host && !run->tally.began &&
	       now_ns() - run->started >= run->options.seconds * SECOND;
}

bool run_await_port(struct run *run)
{
	struct ibv_port_attr port;

	for (;;) {
		if (device_open(&run->device, &run->tally, run->options.device) &&
		    device_active(&run->device, &port))
			return true;
		if (!run->options.reconnect) {
			tally_error(&run->tally, "%s: %s", run->options.device,
				    run->device.context ? "the port is not active"
							: "there is no such device");
			return false;
		}
		if (give_up(run))
			return false;
		run_pause(run, -1);
	}
}

bool run_hear(struct run *run, struct hello *hello)
{
	const uint64_t until = now_ns() + HEAR_NS;
	int heard;

	while (!(heard = exchange_hear(run->tcp, hello))) {
		if (stopped || now_ns() > until)
			break;
		run_pause(run, run->tcp);
	}
	if (heard != 1)
		tally_error(&run->tally, "the other half does not answer");
	return heard == 1;
}

bool run_broken(struct run *run)
{
	if (atomic_load(&run->device.gone)) {
		tally_error(&run->tally, "the device is gone");
		return true;
	}
	if (atomic_load(&run->device.qp_broken)) {
		tally_error(&run->tally, "an event says that the QP or its CQ broke");
		return true;
	}
	return false;
}

void run_pause(struct run *run, int fd)
{
	struct pollfd set[] = {
		{ .fd = run->device.context ? run->device.news : -1, .events = POLLIN },
		{ .fd = fd, .events = POLLIN },
	};
	eventfd_t drained;

	tally_tick(&run->tally);
	if (poll(set, 2, PAUSE_MS) > 0 && set[0].revents)
		eventfd_read(run->device.news, &drained);
}

void run_idle(struct run *run, const int *fds, unsigned int number)
{
	if (run->options.events)
		link_sleep(&run->link, fds, number);
}

size_t run_stride(uint32_t size)
{
	return (size + CACHE_LINE - 1) / CACHE_LINE * CACHE_LINE;
}
