// SPDX-License-Identifier: GPL-2.0-or-later
/* A vib's beginning and end: the toolstack's part, and what the library holds. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/random.h>
#include <unistd.h>

#include <xen/io/xenbus.h>

#include "libvib/internal.h"

/* Xen's OUI as a locally administered EUI-64, and 40 bits of chance. */
#define GUID_PREFIX (UINT64_C(0x02163e) << 40)

static int parse_config(const char *text, struct vibconf *conf, char *why, size_t size)
{
	if (vibconf_parse(text, conf, why, size) < 0)
		return -1;
	if (vibconf_get(conf, "backend")) {
		snprintf(why, size, "backend: it is the one at the socket");
		return -1;
	}
	return 0;
}

static int random_guid(char text[24])
{
	uint64_t chance;

	if (getrandom(&chance, sizeof(chance), 0) != sizeof(chance))
		return -1;
	snprintf(text, 24, "0x%016" PRIx64, GUID_PREFIX | chance >> 24);
	return 0;
}

/* The name of this program as log lines show it. */
static void program_name(char *out, size_t size)
{
	const char *name = program_invocation_short_name;
	size_t n;

	for (n = 0; name[n] && n + 1 < size; n++)
		out[n] = name[n] < ' ' || name[n] > '~' ? '?' : name[n];
	out[n] = '\0';
}

/* What a toolstack writes to attach a vib. */
static int plug(struct libvib *lv, const struct vibconf *conf, char *why, size_t size)
{
	struct lv_nodes nodes = { .count = 0 };
	char node_guid[24], port_guid[24], name[32];

	if (random_guid(node_guid) < 0 || random_guid(port_guid) < 0) {
		snprintf(why, size, "no random GUID: %s", strerror(errno));
		return -1;
	}
	program_name(name, sizeof(name));
	lv_put(&nodes, lv->frontend, VIB_FE_BACKEND, lv->backend);
	lv_put_uint(&nodes, lv->frontend, VIB_FE_BACKEND_ID, 0);
	lv_put_uint(&nodes, lv->frontend, VIB_FE_STATE, XenbusStateInitialising);
	lv_put(&nodes, lv->backend, VIB_BE_FRONTEND, lv->frontend);
	lv_put_uint(&nodes, lv->backend, VIB_BE_FRONTEND_ID, lv->domid);
	lv_put_uint(&nodes, lv->backend, VIB_BE_ONLINE, 1);
	lv_put(&nodes, lv->backend, VIB_BE_DOMAIN, name);
	lv_put_config(&nodes, lv->backend, conf);
	if (!vibconf_get(conf, "node_guid"))
		lv_put(&nodes, lv->backend, VIB_BE_NODE_GUID, node_guid);
	if (!vibconf_get(conf, "port_guid"))
		lv_put(&nodes, lv->backend, VIB_BE_PORT_GUID, port_guid);
	lv_put_uint(&nodes, lv->backend, VIB_BE_STATE, XenbusStateInitialising);
	if (lv_write(lv, &nodes) < 0) {
		snprintf(why, size, "writing the vib's nodes: %s", strerror(errno));
		return -1;
	}
	return 0;
}

static int poll_for(struct libvib *lv, int fd)
{
	struct epoll_event event = { .events = EPOLLIN };

	return epoll_ctl(lv->poll_fd, EPOLL_CTL_ADD, fd, &event);
}

static int connect_server(struct libvib *lv, const char *socket, char *why, size_t size)
{
	lv->guest = localguest_open(socket);
	if (!lv->guest) {
		snprintf(why, size, "%s: %s", socket, strerror(errno));
		return -1;
	}
	lv->domid = localguest_domid(lv->guest);
	snprintf(lv->backend, sizeof(lv->backend),
		 "/local/domain/0/backend/" VIB_KIND "/%u/0", lv->domid);
	snprintf(lv->frontend, sizeof(lv->frontend),
		 "/local/domain/%u/device/" VIB_KIND "/0", lv->domid);
	return 0;
}

static int open_descriptors(struct libvib *lv, char *why, size_t size)
{
	lv->poll_fd = epoll_create1(EPOLL_CLOEXEC);
	lv->kick_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (lv->poll_fd >= 0 && lv->kick_fd >= 0 && poll_for(lv, lv->kick_fd) == 0 &&
	    poll_for(lv, lv->channel.wait_fd) == 0 &&
	    poll_for(lv, localguest_fd(lv->guest)) == 0)
		return 0;
	snprintf(why, size, "%s", strerror(errno));
	return -1;
}

struct libvib *libvib_open(const char *socket, const char *config, char *why, size_t size)
{
	struct vibconf *conf = malloc(sizeof(*conf));
	struct libvib *lv = calloc(1, sizeof(*lv));

	if (!conf || !lv) {
		snprintf(why, size, "out of memory");
		free(lv);
		free(conf);
		return NULL;
	}
	pthread_mutex_init(&lv->lock, NULL);
	lv->poll_fd = lv->kick_fd = -1;
	lv->channel.wait_fd = lv->channel.send_fd = -1;
	if (parse_config(config, conf, why, size) < 0 ||
	    connect_server(lv, socket, why, size) < 0 || plug(lv, conf, why, size) < 0 ||
	    lv_handshake(lv, why, size) < 0 || open_descriptors(lv, why, size) < 0) {
		libvib_close(lv);
		lv = NULL;
	}
	free(conf);
	return lv;
}

void libvib_close(struct libvib *lv)
{
	if (lv->guest) {
		if (!libvib_failure(lv))
			lv_farewell(lv);
		lv_forget_regions(lv);
		lv_forget_chunks(lv);
		/* Its channels end with it; a backend that hangs is not asked. */
		localguest_close(lv->guest);
	}
	if (lv->channel.wait_fd >= 0) {
		close(lv->channel.wait_fd);
		close(lv->channel.send_fd);
	}
	if (lv->poll_fd >= 0)
		close(lv->poll_fd);
	if (lv->kick_fd >= 0)
		close(lv->kick_fd);
	pthread_mutex_destroy(&lv->lock);
	free(lv);
}

int libvib_change(struct libvib *lv, const char *config, char *why, size_t size)
{
	struct vibconf *conf = malloc(sizeof(*conf));
	struct lv_nodes nodes = { .count = 0 };
	int err = 0;

	if (!conf) {
		snprintf(why, size, "out of memory");
		return -ENOMEM;
	}
	if (vibconf_parse_changes(config, conf, why, size) < 0) {
		free(conf);
		return -EINVAL;
	}
	lv_put_config(&nodes, lv->backend, conf);
	pthread_mutex_lock(&lv->lock);
	if (lv_write(lv, &nodes) < 0) {
		err = -errno;
		snprintf(why, size, "writing the vib's nodes: %s", strerror(errno));
	}
	pthread_mutex_unlock(&lv->lock);
	free(conf);
	return err;
}

uint16_t libvib_domid(const struct libvib *lv)
{
	return lv->domid;
}
