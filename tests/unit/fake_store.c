// SPDX-License-Identifier: GPL-2.0-or-later
#include "fake_store.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "xenport/local/watchqueue.h"
#include "xenport/ops.h"

enum { DOMAINS_MAX = 64 };

struct fake_store {
	struct xenport base;
	struct memstore *store;
	struct watch_queue queue;
	size_t watches;
	unsigned int disturbances;
	bool introduced[DOMAINS_MAX];
	struct memstore_watcher writes; /* of "/": calls on_write */
	void (*on_write)(struct xenport *xp, const char *path);
	char perms[32]; /* what fake_perms() returned last */
};

static struct fake_store *to_fake(struct xenport *xp)
{
	return (struct fake_store *)xp;
}

static struct memstore *store_of(struct xenport *xp)
{
	return to_fake(xp)->store;
}

struct xenport *fake_port(struct fake_store *fake)
{
	return &fake->base;
}

static int fake_read(struct xenport *xp, xenport_tx tx, const char *path, char *buf,
		     size_t size)
{
	return memstore_read(store_of(xp), tx, path, buf, size);
}

static int fake_write(struct xenport *xp, xenport_tx tx, const char *path,
		      const char *value)
{
	return memstore_write(store_of(xp), tx, path, value);
}

static int fake_mkdir(struct xenport *xp, xenport_tx tx, const char *path,
		      const struct xenport_perms *perms)
{
	return memstore_mkdir(store_of(xp), tx, path, perms);
}

static int fake_rm(struct xenport *xp, xenport_tx tx, const char *path)
{
	return memstore_rm(store_of(xp), tx, path);
}

static int fake_list(struct xenport *xp, xenport_tx tx, const char *path, char ***names)
{
	return memstore_list(store_of(xp), tx, path, names);
}

static int fake_tx_begin(struct xenport *xp, xenport_tx *tx)
{
	return memstore_tx_begin(store_of(xp), tx);
}

static int fake_tx_end(struct xenport *xp, xenport_tx tx, bool commit)
{
	struct fake_store *fake = to_fake(xp);

	if (!commit || !fake->disturbances)
		return memstore_tx_end(fake->store, tx, commit);
	fake->disturbances--;
	assert(memstore_tx_end(fake->store, tx, false) == 0);
	errno = EAGAIN;
	return -1;
}

static int fake_watch(struct xenport *xp, const char *path, const char *token)
{
	struct fake_store *fake = to_fake(xp);
	int rc = memstore_watch(fake->store, &fake->queue.watcher, path, token);

	fake->watches += rc == 0;
	return rc;
}

static int fake_unwatch(struct xenport *xp, const char *path, const char *token)
{
	struct fake_store *fake = to_fake(xp);
	int rc = memstore_unwatch(fake->store, &fake->queue.watcher, path, token);

	fake->watches -= rc == 0;
	return rc;
}

static int fake_store_fd(struct xenport *xp)
{
	return to_fake(xp)->queue.fd;
}

static int fake_next_watch(struct xenport *xp, char *path, size_t path_size, char *token,
			   size_t token_size)
{
	return watch_queue_take(&to_fake(xp)->queue, path, path_size, token, token_size);
}

static bool fake_domain_exists(struct xenport *xp, uint16_t domid)
{
	return domid < DOMAINS_MAX && to_fake(xp)->introduced[domid];
}

static void fake_close(struct xenport *xp)
{
	struct fake_store *fake = to_fake(xp);

	memstore_free(fake->store);
	watch_queue_close(&fake->queue);
	free(fake);
}

static const struct xenport_ops fake_ops = {
	.close = fake_close,
	.read = fake_read,
	.write = fake_write,
	.mkdir = fake_mkdir,
	.rm = fake_rm,
	.list = fake_list,
	.tx_begin = fake_tx_begin,
	.tx_end = fake_tx_end,
	.watch = fake_watch,
	.unwatch = fake_unwatch,
	.store_fd = fake_store_fd,
	.next_watch = fake_next_watch,
	.domain_exists = fake_domain_exists,
};

/* ---- the tests' side --------------------------------------------------- */

static void on_change(struct memstore_watcher *watcher, const char *path,
		      const char *token)
{
	size_t offset = offsetof(struct fake_store, writes);
	struct fake_store *fake = (struct fake_store *)((char *)watcher - offset);

	(void)token;
	if (fake->on_write)
		fake->on_write(&fake->base, path);
}

struct fake_store *fake_store_new(void)
{
	struct fake_store *fake = calloc(1, sizeof(*fake));

	assert(fake);
	fake->base.ops = &fake_ops;
	fake->store = memstore_new();
	assert(fake->store);
	assert(watch_queue_open(&fake->queue) == 0);
	fake->writes.fire = on_change;
	assert(memstore_watch(fake->store, &fake->writes, "/", "") == 0);
	xenport_write(&fake->base, 0, "/local/domain/0/name", "Domain-0");
	return fake;
}

void fake_introduce(struct fake_store *fake, uint16_t domid, const char *uuid,
		    const char *name)
{
	/* libxl_create.c: a domain reads its own directory, Dom0 owns it. */
	struct xenport_perms perms = { .owner = 0, .reader = domid };
	char path[XENPORT_PATH_MAX], vm[64];

	assert(domid < DOMAINS_MAX);
	snprintf(path, sizeof(path), "/local/domain/%u", domid);
	fake_mkdir(&fake->base, 0, path, &perms);
	snprintf(path, sizeof(path), "/local/domain/%u/device", domid);
	fake_mkdir(&fake->base, 0, path, &perms);
	snprintf(path, sizeof(path), "/local/domain/%u/vm", domid);
	snprintf(vm, sizeof(vm), "/vm/%s", uuid);
	fake_write(&fake->base, 0, path, vm);
	if (name)
		fake_name(fake, domid, name);
	fake->introduced[domid] = true;
	memstore_announce(fake->store, "@introduceDomain");
}

void fake_name(struct fake_store *fake, uint16_t domid, const char *name)
{
	char path[XENPORT_PATH_MAX];

	snprintf(path, sizeof(path), "/local/domain/%u/name", domid);
	fake_write(&fake->base, 0, path, name);
}

void fake_release_keeping_directory(struct fake_store *fake, uint16_t domid)
{
	fake->introduced[domid] = false;
	memstore_announce(fake->store, "@releaseDomain");
}

void fake_release(struct fake_store *fake, uint16_t domid)
{
	char path[XENPORT_PATH_MAX];

	snprintf(path, sizeof(path), "/local/domain/%u", domid);
	fake_rm(&fake->base, 0, path);
	fake_release_keeping_directory(fake, domid);
}

void fake_on_write(struct fake_store *fake,
		   void (*on_write)(struct xenport *xp, const char *path))
{
	fake->on_write = on_write;
}

void fake_disturb(struct fake_store *fake, unsigned int count)
{
	fake->disturbances = count;
}

const char *fake_value(struct fake_store *fake, const char *path)
{
	const struct tree *node = memstore_find(fake->store, 0, path);

	return node ? node->value : NULL;
}

const char *fake_perms(struct fake_store *fake, const char *path)
{
	const struct tree *node = memstore_find(fake->store, 0, path);

	if (!node)
		return NULL;
	snprintf(fake->perms, sizeof(fake->perms), "n%u,r%u", node->perms.owner,
		 node->perms.reader);
	return fake->perms;
}

size_t fake_nodes(struct fake_store *fake)
{
	return memstore_find(fake->store, 0, "/")->size;
}

size_t fake_watches(struct fake_store *fake)
{
	return fake->watches;
}
