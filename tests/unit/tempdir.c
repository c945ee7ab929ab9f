// SPDX-License-Identifier: GPL-2.0-or-later
#include "tempdir.h"

#include <assert.h>
#include <errno.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

static char top[64];

void tempdir_make(void)
{
	strcpy(top, "/tmp/xen-ib-test.XXXXXX");
	if (!mkdtemp(top))
		abort();
}

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	(void)st;
	(void)type;
	(void)ftw;
	return remove(path);
}

void tempdir_remove(void)
{
	nftw(top, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

const char *tempdir_path(const char *name)
{
	static char paths[16][512];
	static unsigned int next;
	char *path = paths[next++ % 16];

	snprintf(path, sizeof(paths[0]), "%s/%s", top, name);
	return path;
}

static void make_parents(char *path)
{
	for (char *slash = strchr(path + 1, '/'); slash; slash = strchr(slash + 1, '/')) {
		*slash = '\0';
		if (mkdir(path, 0755) < 0 && errno != EEXIST)
			abort();
		*slash = '/';
	}
}

void tempdir_write(const char *name, const char *data, size_t length)
{
	char path[512];
	FILE *f;

	snprintf(path, sizeof(path), "%s", tempdir_path(name));
	make_parents(path);
	f = fopen(path, "w");
	if (!f || fwrite(data, 1, length, f) != length || fclose(f))
		abort();
}

void tempdir_mkdir(const char *name)
{
	char path[512];

	snprintf(path, sizeof(path), "%s/", tempdir_path(name));
	make_parents(path);
}
