// SPDX-License-Identifier: GPL-2.0-or-later
#include "provision/store.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "schema/schema.h"
#include "xen-ib/xenstore.h"

int refuse(struct reason *why, int error, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(why->text, sizeof(why->text), fmt, ap);
	va_end(ap);
	errno = error;
	return -1;
}

struct vib_path vib_backend_parent(const struct vib_id *vib)
{
	struct vib_path p;

	snprintf(p.text, sizeof(p.text), "/local/domain/%u/backend/" VIB_KIND "/%u",
		 vib->backend, vib->frontend);
	return p;
}

struct vib_path vib_frontend_parent(uint16_t domid)
{
	return domain_path(domid, "device/" VIB_KIND);
}

static struct vib_path below(const struct vib_path *parent, unsigned int index,
			     const char *key)
{
	struct vib_path p;

	snprintf(p.text, sizeof(p.text), "%.160s/%u%s%.64s", parent->text, index,
		 *key ? "/" : "", key);
	return p;
}

struct vib_path vib_backend_path(const struct vib_id *vib, const char *key)
{
	struct vib_path parent = vib_backend_parent(vib);

	return below(&parent, vib->index, key);
}

struct vib_path vib_frontend_path(const struct vib_id *vib, const char *key)
{
	struct vib_path parent = vib_frontend_parent(vib->frontend);

	return below(&parent, vib->index, key);
}

struct vib_path domain_path(uint16_t domid, const char *key)
{
	struct vib_path p;

	snprintf(p.text, sizeof(p.text), "/local/domain/%u/%s", domid, key);
	return p;
}

/* A transaction that others keep disturbing is given up after so many tries. */
#define TRIES_MAX 64

int store_transact(struct xenport *xp,
		   int (*body)(struct xenport *xp, xenport_tx tx, void *arg), void *arg)
{
	for (int try = 0; try < TRIES_MAX; try++) {
		xenport_tx tx;
		int rc, error;

		if (xenport_tx_begin(xp, &tx) < 0)
			return -1;
		rc = body(xp, tx, arg);
		error = errno;
		if (rc < 0) {
			xenport_tx_end(xp, tx, false);
			errno = error;
			return -1;
		}
		if (!xenport_tx_end(xp, tx, true))
			return rc;
		if (errno != EAGAIN)
			return -1;
	}
	errno = EAGAIN;
	return -1;
}

bool store_has(struct xenport *xp, xenport_tx tx, const char *path)
{
	char value[XENPORT_VALUE_MAX + 1];

	return xenport_read(xp, tx, path, value, sizeof(value)) >= 0 || errno != ENOENT;
}

int store_read_uint(struct xenport *xp, xenport_tx tx, const char *path, uint64_t max,
		    uint64_t *value)
{
	char text[32];

	if (xenport_read(xp, tx, path, text, sizeof(text)) < 0)
		return -1;
	return schema_parse_uint(text, 0, max, value, NULL);
}

static int compare_numbers(const void *a, const void *b)
{
	unsigned int x = *(const unsigned int *)a, y = *(const unsigned int *)b;

	return (x > y) - (x < y);
}

int store_list_numbers(struct xenport *xp, xenport_tx tx, const char *path,
		       unsigned int max, unsigned int **numbers)
{
	int count = 0, n;
	char **names;

	*numbers = NULL;
	n = xenport_list(xp, tx, path, &names);
	if (n < 0)
		return errno == ENOENT ? 0 : -1;

	*numbers = calloc((size_t)n + 1, sizeof(**numbers));
	if (!*numbers) {
		free(names);
		errno = ENOMEM;
		return -1;
	}
	for (int i = 0; i < n; i++) {
		uint64_t value;

		if (!schema_parse_uint(names[i], 0, max, &value, NULL))
			(*numbers)[count++] = (unsigned int)value;
	}
	free(names);
	qsort(*numbers, (size_t)count, sizeof(**numbers), compare_numbers);
	return count;
}

struct vib_array {
	struct vib_id *vibs;
	size_t count, room;
};

static int add_vib(struct vib_array *array, const struct vib_id *vib)
{
	if (array->count == array->room) {
		size_t room = array->room ? array->room * 2 : 16;
		struct vib_id *more = reallocarray(array->vibs, room, sizeof(*more));

		if (!more)
			return -1;
		array->vibs = more;
		array->room = room;
	}
	array->vibs[array->count++] = *vib;
	return 0;
}

static int list_frontend(struct xenport *xp, xenport_tx tx, struct vib_id *vib,
			 struct vib_array *array)
{
	struct vib_path parent = vib_backend_parent(vib);
	unsigned int *indices;
	int n, rc = 0;

	n = store_list_numbers(xp, tx, parent.text, VIB_INDEX_MAX, &indices);
	for (int i = 0; i < n && !rc; i++) {
		vib->index = indices[i];
		rc = add_vib(array, vib);
	}
	free(indices);
	return n < 0 ? -1 : rc;
}

static int list_backend(struct xenport *xp, xenport_tx tx, uint16_t backend,
			struct vib_array *array)
{
	struct vib_path parent = domain_path(backend, "backend/" VIB_KIND);
	unsigned int *frontends;
	int n, rc = 0;

	n = store_list_numbers(xp, tx, parent.text, DOMID_MAX, &frontends);
	for (int i = 0; i < n && !rc; i++) {
		struct vib_id vib = { backend, (uint16_t)frontends[i], 0 };

		rc = list_frontend(xp, tx, &vib, array);
	}
	free(frontends);
	return n < 0 ? -1 : rc;
}

int store_list_vibs(struct xenport *xp, xenport_tx tx, struct vib_id **vibs)
{
	struct vib_array array = { NULL, 0, 0 };
	unsigned int *backends;
	int n, rc = 0;

	*vibs = NULL;
	n = store_list_numbers(xp, tx, "/local/domain", DOMID_MAX, &backends);
	for (int i = 0; i < n && !rc; i++)
		rc = list_backend(xp, tx, (uint16_t)backends[i], &array);
	free(backends);
	if (n < 0 || rc < 0) {
		free(array.vibs);
		return -1;
	}
	*vibs = array.vibs;
	return (int)array.count;
}

int store_domain_name(struct xenport *xp, xenport_tx tx, uint16_t domid,
		      char name[DOMAIN_NAME_SIZE])
{
	struct vib_path path = domain_path(domid, "name");

	return xenport_read(xp, tx, path.text, name, DOMAIN_NAME_SIZE) < 0 ? -1 : 0;
}

int store_domain_uuid(struct xenport *xp, uint16_t domid, char uuid[UUID_STR_LEN])
{
	struct vib_path path = domain_path(domid, "vm");
	char vm[64];
	uuid_t bytes;

	if (xenport_read(xp, XENPORT_NO_TRANSACTION, path.text, vm, sizeof(vm)) < 0) {
		if (domid != 0 || errno != ENOENT)
			return -1;
		strcpy(vm, "/vm/00000000-0000-0000-0000-000000000000");
	}
	/* A domain on its way from another host has "/vm/UUID-1" for a while. */
	if (strncmp(vm, "/vm/", 4) != 0 || strlen(vm) < 4 + UUID_STR_LEN - 1) {
		errno = EINVAL;
		return -1;
	}
	memcpy(uuid, vm + 4, UUID_STR_LEN - 1);
	uuid[UUID_STR_LEN - 1] = '\0';
	if (uuid_parse(uuid, bytes) < 0) {
		errno = EINVAL;
		return -1;
	}
	uuid_unparse_lower(bytes, uuid);
	return 0;
}

bool store_domain_lives(struct xenport *xp, uint16_t domid)
{
	return domid == 0 || xenport_domain_exists(xp, domid);
}

int store_find_domain(struct xenport *xp, xenport_tx tx, const char *text,
		      uint16_t *domid, struct reason *why)
{
	char quoted[DOMAIN_NAME_SIZE];
	unsigned int *ids;
	uint64_t number;
	int n, found = 0;

	if (!schema_parse_uint(text, 0, DOMID_MAX, &number, NULL)) {
		*domid = (uint16_t)number;
		if (store_domain_lives(xp, *domid))
			return 0;
		return refuse(why, ENOENT, "there is no domain %u", *domid);
	}

	n = store_list_numbers(xp, tx, "/local/domain", DOMID_MAX, &ids);
	if (n < 0)
		return refuse(why, errno, "cannot list the domains: %s", strerror(errno));
	for (int i = 0; i < n; i++) {
		char name[DOMAIN_NAME_SIZE];

		if (store_domain_name(xp, tx, (uint16_t)ids[i], name) < 0 ||
		    strcmp(name, text) != 0 || !store_domain_lives(xp, (uint16_t)ids[i]))
			continue;
		*domid = (uint16_t)ids[i];
		found++;
	}
	free(ids);
	schema_quote(text, quoted, sizeof(quoted));
	if (!found)
		return refuse(why, ENOENT, "there is no domain named %s", quoted);
	if (found > 1)
		return refuse(why, EEXIST, "%d domains are named %s; give the number",
			      found, quoted);
	return 0;
}

uint64_t boottime_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_BOOTTIME, &now);
	return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}
