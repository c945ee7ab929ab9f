// SPDX-License-Identifier: GPL-2.0-or-later
/* What comes unasked: async events, changes in xenstore, the connection's end. */
#include <errno.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <xen/io/xenbus.h>

#include "libvib/internal.h"

int64_t lv_now_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

void lv_eventfd_drain(int fd)
{
	uint64_t count;
	ssize_t n = read(fd, &count, sizeof(count));

	(void)n; /* none of them blocks: it fails when there is nothing */
}

void lv_eventfd_signal(int fd)
{
	const uint64_t one = 1;
	ssize_t n = write(fd, &one, sizeof(one));

	(void)n; /* fails only when it is signalled 2^64 - 2 times */
}

int lv_fail(struct libvib *lv, const char *why)
{
	const char *none = NULL;

	__atomic_compare_exchange_n(&lv->failure, &none, why, false, __ATOMIC_RELEASE,
				    __ATOMIC_RELAXED);
	return -ENODEV;
}

const char *libvib_failure(const struct libvib *lv)
{
	return __atomic_load_n(&lv->failure, __ATOMIC_ACQUIRE);
}

int lv_take_changes(struct libvib *lv)
{
	char path[128];
	int n, changed = 0;

	while ((n = localguest_next_watch(lv->guest, path, sizeof(path))) > 0)
		changed = 1;
	return n < 0 ? -1 : changed;
}

static bool alive_byte(const struct libvib *lv)
{
	const struct vib_control_page *page =
		(const void *)(lv->shared + CONTROL_PAGE * VIB_PAGE_SIZE);

	return *(const volatile __u8 *)&page->backend_alive;
}

bool lv_check(struct libvib *lv)
{
	int changed;

	if (libvib_failure(lv))
		return false;
	changed = lv_take_changes(lv);
	if (changed < 0)
		lv_fail(lv, "ibback has gone away");
	else if (changed && lv_read_state(lv, lv->backend) != XenbusStateConnected)
		lv_fail(lv, "ibback has closed the device");
	else if (!alive_byte(lv))
		lv_fail(lv, "ibback has left the device");
	return !libvib_failure(lv);
}

bool libvib_alive(struct libvib *lv)
{
	bool alive;

	/* A command that is on its way looks for itself. */
	if (pthread_mutex_trylock(&lv->lock) != 0)
		return !libvib_failure(lv);
	alive = lv_check(lv);
	pthread_mutex_unlock(&lv->lock);
	return alive;
}

int libvib_fd(const struct libvib *lv)
{
	return lv->poll_fd;
}

static int take_async(struct libvib *lv, struct vib_async_event *event)
{
	const void *slot = vib_queue_peek(&lv->async);

	if (!slot && vib_queue_arm(&lv->async))
		slot = vib_queue_peek(&lv->async);
	if (!slot)
		return 0;
	memcpy(event, slot, sizeof(*event));
	vib_queue_consume(&lv->async);
	return 1;
}

int libvib_next_async(struct libvib *lv, struct vib_async_event *event)
{
	int n;

	pthread_mutex_lock(&lv->lock);
	/* Drained before the queue is looked at: what comes after it is heard. */
	lv_eventfd_drain(lv->channel.wait_fd);
	lv_eventfd_drain(lv->kick_fd);
	n = take_async(lv, event);
	if (!n && !lv_check(lv))
		n = -ENODEV;
	pthread_mutex_unlock(&lv->lock);
	return n;
}
