// SPDX-License-Identifier: GPL-2.0-or-later
#include "wire/rtnl.h"

#include <errno.h>
#include <net/if.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <time.h>

#include <libmnl/libmnl.h>
#include <linux/if_addr.h>
#include <linux/rtnetlink.h>

/* The kernel has answered when the request is sent, but for want of memory. */
#define PATIENCE_S   5
/* A listing is begun anew when what it lists changes meanwhile. */
#define LIST_TRIES   8
/* More than a subnet's vports of one host could have. */
#define MAX_LISTED   65536
#define BUFFER_BYTES 32768

struct rtnl {
	struct mnl_socket *socket;
	unsigned int seq;
	char buffer[BUFFER_BYTES];
};

static struct mnl_socket *open_socket(void)
{
	const struct timeval patience = { .tv_sec = PATIENCE_S };
	struct mnl_socket *s = mnl_socket_open2(NETLINK_ROUTE, SOCK_CLOEXEC);
	int error;

	if (!s)
		return NULL;
	if (mnl_socket_bind(s, 0, MNL_SOCKET_AUTOPID) == 0 &&
	    setsockopt(mnl_socket_get_fd(s), SOL_SOCKET, SO_RCVTIMEO, &patience,
		       sizeof(patience)) == 0)
		return s;
	error = errno;
	mnl_socket_close(s);
	errno = error;
	return NULL;
}

struct rtnl *rtnl_open(void)
{
	struct rtnl *r = malloc(sizeof(*r));

	if (!r)
		return NULL;
	r->seq = (unsigned int)time(NULL);
	r->socket = open_socket();
	if (r->socket)
		return r;
	free(r);
	return NULL;
}

void rtnl_close(struct rtnl *r)
{
	if (!r)
		return;
	mnl_socket_close(r->socket);
	free(r);
}

/* What is left of a listing stays behind with the old socket. */
static int reopen(struct rtnl *r)
{
	struct mnl_socket *s = open_socket();

	if (!s)
		return -1;
	mnl_socket_close(r->socket);
	r->socket = s;
	return 0;
}

/* A message of @type in the buffer, with @size bytes of header behind netlink's. */
static struct nlmsghdr *begin(struct rtnl *r, uint16_t type, uint16_t flags, void **extra,
			      size_t size)
{
	struct nlmsghdr *nlh = mnl_nlmsg_put_header(r->buffer);

	nlh->nlmsg_type = type;
	nlh->nlmsg_flags = NLM_F_REQUEST | flags;
	nlh->nlmsg_seq = ++r->seq;
	*extra = mnl_nlmsg_put_extra_header(nlh, size);
	return nlh;
}

/*
 * Send @nlh and have @each called with the messages of its answer, which is known by its
 * number: a late one of a request before it is passed over. -1 and errno.
 */
static int ask(struct rtnl *r, struct nlmsghdr *nlh, mnl_cb_t each, void *arg)
{
	unsigned int seq = r->seq, portid = mnl_socket_get_portid(r->socket);
	ssize_t n;
	int rc;

	if (mnl_socket_sendto(r->socket, nlh, nlh->nlmsg_len) < 0)
		return -1;
	do {
		n = mnl_socket_recvfrom(r->socket, r->buffer, sizeof(r->buffer));
		if (n < 0)
			return -1;
		nlh = (struct nlmsghdr *)r->buffer;
		rc = mnl_nlmsg_ok(nlh, (int)n) && nlh->nlmsg_seq != seq
			     ? MNL_CB_OK
			     : mnl_cb_run(r->buffer, (size_t)n, seq, portid, each, arg);
	} while (rc == MNL_CB_OK);
	return rc == MNL_CB_ERROR ? -1 : 0;
}

/* ---- devices ----------------------------------------------------------- */

static int on_link(const struct nlmsghdr *nlh, void *arg)
{
	const struct ifinfomsg *link = mnl_nlmsg_get_payload(nlh);
	int *index = arg;

	*index = link->ifi_index;
	return MNL_CB_OK;
}

int rtnl_find(struct rtnl *r, const char *name)
{
	struct ifinfomsg *link;
	struct nlmsghdr *nlh;
	int index = 0;
	void *extra;

	if (strlen(name) >= IF_NAMESIZE) {
		errno = ENODEV;
		return -1;
	}
	nlh = begin(r, RTM_GETLINK, NLM_F_ACK, &extra, sizeof(*link));
	link = extra;
	link->ifi_family = AF_UNSPEC;
	mnl_attr_put_strz(nlh, IFLA_IFNAME, name);
	if (ask(r, nlh, on_link, &index) < 0)
		return -1;
	if (index > 0)
		return index;
	errno = ENODEV;
	return -1;
}

/* ---- addresses --------------------------------------------------------- */

struct listing {
	int index;
	struct rtnl_address *list;
	size_t count, room;
};

static int grow(struct listing *l)
{
	struct rtnl_address *more;

	if (l->count < l->room)
		return 0;
	if (l->room >= MAX_LISTED) {
		errno = ENOSPC;
		return -1;
	}
	l->room = l->room ? 2 * l->room : 64;
	more = realloc(l->list, l->room * sizeof(*l->list));
	if (!more)
		return -1;
	l->list = more;
	return 0;
}

static int on_address(const struct nlmsghdr *nlh, void *arg)
{
	const struct ifaddrmsg *header = mnl_nlmsg_get_payload(nlh);
	struct listing *l = arg;
	struct rtnl_address *to;
	const struct nlattr *attr;

	if (header->ifa_family != AF_INET6 || (int)header->ifa_index != l->index)
		return MNL_CB_OK;
	if (grow(l) < 0)
		return MNL_CB_ERROR;
	to = &l->list[l->count++];
	memset(to, 0, sizeof(*to));
	mnl_attr_for_each(attr, nlh, sizeof(*header))
	{
		size_t length = mnl_attr_get_payload_len(attr);

		if (mnl_attr_get_type(attr) == IFA_PROTO && length == 1)
			to->proto = mnl_attr_get_u8(attr);
		/* Of a tunnel IFA_ADDRESS is the peer, and IFA_LOCAL what we want. */
		if (length == sizeof(to->raw) &&
		    (mnl_attr_get_type(attr) == IFA_ADDRESS ||
		     mnl_attr_get_type(attr) == IFA_LOCAL))
			memcpy(to->raw, mnl_attr_get_payload(attr), sizeof(to->raw));
	}
	return MNL_CB_OK;
}

int rtnl_list_addresses(struct rtnl *r, int index, struct rtnl_address **list,
			size_t *count)
{
	struct listing l = { .index = index };
	int rc = -1;

	for (int tries = 0; tries < LIST_TRIES && rc < 0; tries++) {
		struct ifaddrmsg *header;
		struct nlmsghdr *nlh;
		void *extra;

		nlh = begin(r, RTM_GETADDR, NLM_F_DUMP, &extra, sizeof(*header));
		header = extra;
		header->ifa_family = AF_INET6;
		l.count = 0;
		rc = ask(r, nlh, on_address, &l);
		if (rc < 0 && (errno != EINTR || reopen(r) < 0))
			break;
	}
	if (rc < 0) {
		free(l.list);
		return -1;
	}
	*list = l.list;
	*count = l.count;
	return 0;
}

static struct nlmsghdr *begin_address(struct rtnl *r, uint16_t type, uint16_t flags,
				      int index, const uint8_t raw[16])
{
	struct ifaddrmsg *header;
	struct nlmsghdr *nlh;
	void *extra;

	nlh = begin(r, type, NLM_F_ACK | flags, &extra, sizeof(*header));
	header = extra;
	header->ifa_family = AF_INET6;
	header->ifa_prefixlen = RTNL_PREFIX_LENGTH;
	header->ifa_index = (unsigned int)index;
	mnl_attr_put(nlh, IFA_LOCAL, 16, raw);
	mnl_attr_put(nlh, IFA_ADDRESS, 16, raw);
	return nlh;
}

int rtnl_add_address(struct rtnl *r, int index, const uint8_t raw[16])
{
	const struct ifa_cacheinfo life = { .ifa_prefered = 0, .ifa_valid = UINT32_MAX };
	struct nlmsghdr *nlh =
		begin_address(r, RTM_NEWADDR, NLM_F_CREATE | NLM_F_EXCL, index, raw);

	mnl_attr_put_u32(nlh, IFA_FLAGS, IFA_F_NODAD);
	mnl_attr_put_u8(nlh, IFA_PROTO, RTNL_PROTO_IBBACK);
	mnl_attr_put(nlh, IFA_CACHEINFO, sizeof(life), &life);
	return ask(r, nlh, NULL, NULL);
}

int rtnl_remove_address(struct rtnl *r, int index, const uint8_t raw[16])
{
	return ask(r, begin_address(r, RTM_DELADDR, 0, index, raw), NULL, NULL);
}
