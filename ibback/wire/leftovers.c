// SPDX-License-Identifier: GPL-2.0-or-later
#include "wire/leftovers.h"

#include <errno.h>
#include <fcntl.h>
#include <net/if.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#include <urcu/compiler.h>

#include "control/jobs.h"
#include "log.h"
#include "wire/rtnl.h"

struct device {
	char name[IF_NAMESIZE];
	bool unused;        /* to be looked at by the job, and then: */
	int error;          /* why it is not known to have nothing of ours; */
	unsigned int taken; /* addresses that it had */
};

struct leftovers {
	int file; /* a name a line */
	struct device devices[LEFTOVERS_MAX];
	unsigned int count;
	struct job job;
	/* The job's own: those that are unused. */
	struct device swept[LEFTOVERS_MAX];
	unsigned int num_swept;
};

/* ---- the record -------------------------------------------------------- */

static struct device *find(struct leftovers *l, const char *name)
{
	for (unsigned int i = 0; i < l->count; i++)
		if (strcmp(l->devices[i].name, name) == 0)
			return &l->devices[i];
	return NULL;
}

static void add(struct leftovers *l, const char *name)
{
	if (l->count == LEFTOVERS_MAX)
		memmove(&l->devices[0], &l->devices[1],
			sizeof(l->devices[0]) * --l->count);
	memset(&l->devices[l->count], 0, sizeof(l->devices[0]));
	strcpy(l->devices[l->count++].name, name);
}

static void forget(struct leftovers *l, struct device *device)
{
	*device = l->devices[--l->count];
}

/* What is too long, or empty, is no name. */
static void parse(struct leftovers *l, char *text)
{
	char *rest, *name;

	for (name = strtok_r(text, "\n", &rest); name; name = strtok_r(NULL, "\n", &rest))
		if (strlen(name) < IF_NAMESIZE && !find(l, name))
			add(l, name);
}

/* -1 and errno. */
static int write_record(struct leftovers *l)
{
	char text[LEFTOVERS_MAX * IF_NAMESIZE + 1];
	size_t length = 0;
	ssize_t n;

	for (unsigned int i = 0; i < l->count; i++)
		length += (size_t)snprintf(text + length, sizeof(text) - length, "%s\n",
					   l->devices[i].name);
	n = pwrite(l->file, text, length, 0);
	if (n < 0)
		return -1;
	if ((size_t)n < length) {
		errno = ENOSPC;
		return -1;
	}
	return ftruncate(l->file, (off_t)length);
}

struct leftovers *leftovers_open(const char *path)
{
	struct leftovers *l = calloc(1, sizeof(*l));
	char text[LEFTOVERS_MAX * IF_NAMESIZE + 1];
	ssize_t n;
	int error;

	if (!l)
		return NULL;
	l->file = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (l->file < 0)
		goto fail;
	if (flock(l->file, LOCK_EX | LOCK_NB) < 0)
		goto fail_file;
	n = pread(l->file, text, sizeof(text) - 1, 0);
	if (n < 0)
		goto fail_file;
	text[n] = '\0';
	parse(l, text);
	return l;

fail_file:
	error = errno;
	close(l->file);
	errno = error;
fail:
	error = errno;
	free(l);
	errno = error;
	return NULL;
}

void leftovers_close(struct leftovers *l)
{
	if (!l)
		return;
	close(l->file);
	free(l);
}

int leftovers_note(struct leftovers *l, const char *name)
{
	struct device *known = l ? find(l, name) : NULL;

	if (!l)
		return 0;
	if (known) {
		known->unused = false;
		return 0;
	}
	add(l, name);
	return write_record(l);
}

/* ---- the job ----------------------------------------------------------- */

/* -1 and errno. */
static int clean(struct rtnl *rtnl, int index, struct device *device)
{
	struct rtnl_address *list;
	size_t count;
	int rc = 0;

	if (rtnl_list_addresses(rtnl, index, &list, &count) < 0)
		return -1;
	for (size_t i = 0; i < count; i++) {
		if (list[i].proto != RTNL_PROTO_IBBACK)
			continue;
		if (rtnl_remove_address(rtnl, index, list[i].raw) < 0)
			rc = -1;
		else
			device->taken++;
	}
	free(list);
	return rc;
}

/* A device that is not there has nothing. */
static int sweep(struct rtnl *rtnl, struct device *device)
{
	int index = rtnl_find(rtnl, device->name);

	if (index < 0)
		return errno == ENODEV ? 0 : errno;
	return clean(rtnl, index, device) < 0 ? errno : 0;
}

static void slice(struct job *job)
{
	struct leftovers *l = caa_container_of(job, struct leftovers, job);
	struct rtnl *rtnl = rtnl_open();
	int error = errno;

	for (unsigned int i = 0; i < l->num_swept; i++)
		l->swept[i].error = rtnl ? sweep(rtnl, &l->swept[i]) : error;
	rtnl_close(rtnl);
}

static void take(struct leftovers *l, const struct device *swept)
{
	struct device *device = find(l, swept->name);

	if (swept->taken)
		log_info("netdev %s: %u addresses of an ibback before taken off, as no "
			 "fabric is on it",
			 swept->name, swept->taken);
	if (swept->error)
		log_err("netdev %s: cannot take off addresses of an ibback before: %s",
			swept->name, strerror(swept->error));
	else if (device && device->unused) /* else it is used since */
		forget(l, device);
}

static void after(struct job *job)
{
	struct leftovers *l = caa_container_of(job, struct leftovers, job);

	for (unsigned int i = 0; i < l->num_swept; i++)
		take(l, &l->swept[i]);
	if (write_record(l) < 0)
		log_warn("cannot write the record of network devices: %s",
			 strerror(errno));
}

void leftovers_sweep(struct leftovers *l, struct jobs *jobs,
		     bool (*is_used)(void *arg, const char *name), void *arg)
{
	if (!l)
		return;
	l->num_swept = 0;
	for (unsigned int i = 0; i < l->count; i++) {
		l->devices[i].unused = !is_used(arg, l->devices[i].name);
		if (l->devices[i].unused)
			l->swept[l->num_swept++] = l->devices[i];
	}
	l->job = (struct job){ .slice = slice, .after = after };
	if (l->num_swept)
		jobs_submit(jobs, &l->job);
}
