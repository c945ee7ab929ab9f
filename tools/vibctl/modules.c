// SPDX-License-Identifier: GPL-2.0-or-later
#include "vibctl/modules.h"

#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <spawn.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

extern char **environ;

/* ---- finding ----------------------------------------------------------- */

static bool has(const struct modules *modules, const char *name)
{
	for (size_t i = 0; i < modules->count; i++)
		if (strcmp(modules->names[i], name) == 0)
			return true;
	return false;
}

static int add(const char *sys, const char *name, struct modules *modules,
	       unsigned int depth);

static int add_holders(DIR *dir, const char *sys, struct modules *modules,
		       unsigned int depth)
{
	const struct dirent *entry;

	while ((entry = readdir(dir)))
		if (entry->d_name[0] != '.' &&
		    add(sys, entry->d_name, modules, depth + 1) < 0)
			return -1;
	return 0;
}

/* Those that use it first. */
static int add(const char *sys, const char *name, struct modules *modules,
	       unsigned int depth)
{
	char path[PATH_MAX];
	DIR *dir;
	int rc;

	if (has(modules, name))
		return 0;
	/* None uses itself, so a chain is as long as there are modules. */
	if (depth > MODULES_MAX || strlen(name) >= MODULE_NAME_MAX) {
		errno = E2BIG;
		return -1;
	}
	snprintf(path, sizeof(path), "%s/%s/holders", sys, name);
	dir = opendir(path);
	if (!dir) /* not loaded, or built in and so never away */
		return errno == ENOENT ? 0 : -1;
	rc = add_holders(dir, sys, modules, depth);
	closedir(dir);
	if (rc < 0 || has(modules, name))
		return rc;
	if (modules->count == MODULES_MAX) {
		errno = E2BIG;
		return -1;
	}
	strcpy(modules->names[modules->count++], name);
	return 0;
}

int modules_find(const char *sys, const char *name, struct modules *modules)
{
	modules->count = 0;
	return add(sys, name, modules, 0);
}

/* ---- modprobe ---------------------------------------------------------- */

static bool modprobe(const char *option, const struct modules *modules, bool backwards)
{
	const char *argv[MODULES_MAX + 4] = { "modprobe", option, "--" };
	size_t n = modules->count;
	int error, status;
	pid_t pid;

	for (size_t i = 0; i < n; i++)
		argv[3 + i] = modules->names[backwards ? n - 1 - i : i];
	fflush(NULL);
	error = posix_spawnp(&pid, argv[0], NULL, NULL, (char *const *)argv, environ);
	if (error) {
		fprintf(stderr, "modprobe: %s\n", strerror(error));
		return false;
	}
	while (waitpid(pid, &status, 0) < 0)
		if (errno != EINTR)
			return false;
	return WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

bool modules_unload(const struct modules *modules)
{
	return !modules->count || modprobe("-r", modules, false);
}

bool modules_load(const struct modules *modules)
{
	return !modules->count || modprobe("-a", modules, true);
}
