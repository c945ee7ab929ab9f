// SPDX-License-Identifier: GPL-2.0-or-later
#include "wire/netdev.h"

#include <errno.h>
#include <net/if.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include <libmnl/libmnl.h>
#include <linux/if_addr.h>
#include <linux/rtnetlink.h>
#include <urcu/compiler.h>

#include "control/jobs.h"
#include "log.h"
#include "wire/rtnl.h"

/* After what failed, or a netlink socket that could not be had. */
#define RETRY_MS     1000
/* From a job's end to the next: what guests do costs no more than one now and then. */
#define PAUSE_MS     100
/* What is read of the kernel's news in one turn of the loop. */
#define NEWS_BATCH   16
#define BUFFER_BYTES 16384

struct netdev {
	char name[IF_NAMESIZE];
	uv_loop_t *loop;
	struct jobs *jobs;
	struct mnl_socket *news;
	uv_poll_t poll;
	uv_timer_t timer;
	unsigned int open_handles; /* of the two */
	STAILQ_HEAD(, netdev_user) users;
	struct job job;
	bool running;
	bool touched;         /* since the job began, or to begin by the timer */
	uint64_t pause_until; /* of the loop's time */
	int index;            /* when it ran last; 0: there was no such device */
	/* The job's own, while it runs. */
	struct rtnl *rtnl;
	int found; /* the device's index, or 0 */
	int error; /* why it could not run */
};

/* ---- the job ----------------------------------------------------------- */

static void slice(struct job *job)
{
	struct netdev *n = caa_container_of(job, struct netdev, job);
	struct netdev_user *user;
	int index;

	if (!n->rtnl)
		n->rtnl = rtnl_open();
	index = n->rtnl ? rtnl_find(n->rtnl, n->name) : -1;
	n->error = index < 0 && (!n->rtnl || errno != ENODEV) ? errno : 0;
	if (n->error)
		return;
	n->found = index < 0 ? 0 : index;
	STAILQ_FOREACH(user, &n->users, entry)
	user->run(user, n->rtnl, n->found);
}

static void submit(struct netdev *n);

static void on_timer(uv_timer_t *timer)
{
	submit(timer->data);
}

/* Have a job run in @ms. What is wanted keeps the loop, as a job does; a retry does not.
 */
static void schedule(struct netdev *n, uint64_t ms)
{
	if (n->touched)
		uv_ref((uv_handle_t *)&n->timer);
	uv_timer_start(&n->timer, on_timer, ms, 0);
}

static void schedule_touched(struct netdev *n)
{
	uint64_t now = uv_now(n->loop);

	schedule(n, n->pause_until > now ? n->pause_until - now : 0);
}

static void after(struct job *job)
{
	struct netdev *n = caa_container_of(job, struct netdev, job);
	struct netdev_user *user;
	bool again = n->error != 0;

	n->running = false;
	n->pause_until = uv_now(n->loop) + PAUSE_MS;
	n->index = n->found;
	if (n->error) {
		log_err("netdev %s: cannot ask the kernel: %s; trying again", n->name,
			strerror(n->error));
	} else {
		STAILQ_FOREACH(user, &n->users, entry)
		again |= user->end(user);
	}
	if (n->touched)
		schedule_touched(n);
	else if (again)
		schedule(n, RETRY_MS);
}

static void submit(struct netdev *n)
{
	struct netdev_user *user;

	n->touched = false;
	uv_unref((uv_handle_t *)&n->timer);
	STAILQ_FOREACH(user, &n->users, entry)
	if (!user->begin(user)) {
		schedule(n, RETRY_MS);
		return;
	}
	n->running = true;
	jobs_submit(n->jobs, &n->job);
}

void netdev_touch(struct netdev *n)
{
	bool waits = n->touched;

	n->touched = true;
	if (!n->running && !waits)
		schedule_touched(n);
}

/* ---- news -------------------------------------------------------------- */

/* May it be about the device? One of its name, or of the index that it had; while a job
 * runs, any.
 */
static bool concerns(const struct netdev *n, const struct nlmsghdr *nlh)
{
	const struct ifinfomsg *link = mnl_nlmsg_get_payload(nlh);
	const struct ifaddrmsg *address = mnl_nlmsg_get_payload(nlh);
	const struct nlattr *attr;

	if (nlh->nlmsg_type == RTM_NEWADDR || nlh->nlmsg_type == RTM_DELADDR)
		return nlh->nlmsg_type == RTM_DELADDR &&
		       (n->running || (int)address->ifa_index == n->index);
	if (nlh->nlmsg_type != RTM_NEWLINK && nlh->nlmsg_type != RTM_DELLINK)
		return false;
	if (n->running || link->ifi_index == n->index)
		return true;
	mnl_attr_for_each(attr, nlh, sizeof(*link))
	{
		if (mnl_attr_get_type(attr) == IFLA_IFNAME)
			return mnl_attr_validate(attr, MNL_TYPE_NUL_STRING) == 0 &&
			       strcmp(mnl_attr_get_str(attr), n->name) == 0;
	}
	return false;
}

struct reading {
	const struct netdev *netdev;
	bool concerned;
};

static int on_message(const struct nlmsghdr *nlh, void *arg)
{
	struct reading *r = arg;

	r->concerned |= concerns(r->netdev, nlh);
	return MNL_CB_OK;
}

static void on_news(uv_poll_t *poll, int status, int events)
{
	struct netdev *n = poll->data;
	struct reading r = { .netdev = n };
	char buffer[BUFFER_BYTES];
	ssize_t got;

	(void)status;
	(void)events;
	for (int i = 0; i < NEWS_BATCH; i++) {
		got = mnl_socket_recvfrom(n->news, buffer, sizeof(buffer));
		if (got < 0 && (errno == EAGAIN || errno == EINTR))
			break;
		/* Some was lost: perhaps about the device. */
		if (got < 0)
			r.concerned = true;
		else
			(void)mnl_cb_run(buffer, (size_t)got, 0, 0, on_message, &r);
	}
	if (r.concerned)
		netdev_touch(n);
}

/* ---- beginning and end ------------------------------------------------- */

static struct mnl_socket *open_news(void)
{
	struct mnl_socket *s =
		mnl_socket_open2(NETLINK_ROUTE, SOCK_CLOEXEC | SOCK_NONBLOCK);
	int groups[] = { RTNLGRP_LINK, RTNLGRP_IPV6_IFADDR };
	int error;

	if (!s)
		return NULL;
	if (mnl_socket_bind(s, 0, MNL_SOCKET_AUTOPID) == 0 &&
	    mnl_socket_setsockopt(s, NETLINK_ADD_MEMBERSHIP, &groups[0],
				  sizeof(groups[0])) == 0 &&
	    mnl_socket_setsockopt(s, NETLINK_ADD_MEMBERSHIP, &groups[1],
				  sizeof(groups[1])) == 0)
		return s;
	error = errno;
	mnl_socket_close(s);
	errno = error;
	return NULL;
}

struct netdev *netdev_start(uv_loop_t *loop, struct jobs *jobs, const char *name)
{
	struct netdev *n = calloc(1, sizeof(*n));
	int error;

	if (!n)
		return NULL;
	n->news = open_news();
	if (!n->news || strlen(name) >= sizeof(n->name)) {
		error = n->news ? ENAMETOOLONG : errno;
		if (n->news)
			mnl_socket_close(n->news);
		free(n);
		errno = error;
		return NULL;
	}
	strcpy(n->name, name);
	n->loop = loop;
	n->jobs = jobs;
	n->job.slice = slice;
	n->job.after = after;
	STAILQ_INIT(&n->users);
	uv_poll_init(loop, &n->poll, mnl_socket_get_fd(n->news));
	uv_timer_init(loop, &n->timer);
	n->poll.data = n;
	n->timer.data = n;
	n->open_handles = 2;
	uv_poll_start(&n->poll, UV_READABLE, on_news);
	uv_unref((uv_handle_t *)&n->poll);
	uv_unref((uv_handle_t *)&n->timer);
	return n;
}

static void on_closed(uv_handle_t *handle)
{
	struct netdev *n = handle->data;

	if (--n->open_handles)
		return;
	mnl_socket_close(n->news);
	rtnl_close(n->rtnl);
	free(n);
}

void netdev_stop(struct netdev *n)
{
	if (!n)
		return;
	uv_close((uv_handle_t *)&n->poll, on_closed);
	uv_close((uv_handle_t *)&n->timer, on_closed);
}

const char *netdev_name(const struct netdev *n)
{
	return n->name;
}

void netdev_use(struct netdev *n, struct netdev_user *user)
{
	STAILQ_INSERT_TAIL(&n->users, user, entry);
}
