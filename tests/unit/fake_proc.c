// SPDX-License-Identifier: GPL-2.0-or-later
#include "fake_proc.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tempdir.h"

struct entry {
	char path[64];
};

static struct entry entry(int pid, const char *name)
{
	struct entry e;

	snprintf(e.path, sizeof(e.path), "proc/%d/%s", pid, name);
	return e;
}

void fake_process(int pid, uint64_t started_ms, const char *cmdline, const char *cwd)
{
	uint64_t ticks = started_ms * (uint64_t)sysconf(_SC_CLK_TCK) / 1000;
	struct entry link = entry(pid, "cwd");
	char args[1024], stat[256];
	size_t length = strlen(cmdline) + 1;

	/* A command's name may hold brackets and blanks. */
	snprintf(stat, sizeof(stat),
		 "%d (x) l) S 1 1 1 0 -1 4194560 1 2 3 4 5 6 7 8 20 0 1 0 %llu 1 2\n",
		 pid, (unsigned long long)ticks);
	tempdir_write(entry(pid, "stat").path, stat, strlen(stat));

	fake_process_uids(pid, geteuid(), geteuid());
	memcpy(args, cmdline, length);
	for (char *c = args; c < args + length; c++)
		if (*c == ' ')
			*c = '\0';
	tempdir_write(entry(pid, "cmdline").path, args, length);
	unlink(tempdir_path(link.path));
	if (symlink(cwd, tempdir_path(link.path)))
		abort();
}

void fake_process_uids(int pid, unsigned int real, unsigned int effective)
{
	char status[256];

	snprintf(status, sizeof(status), "Name:\txl\nUid:\t%u\t%u\t%u\t%u\n", real,
		 effective, effective, effective);
	tempdir_write(entry(pid, "status").path, status, strlen(status));
}

void fake_process_output(int pid, const char *path)
{
	struct entry fd = entry(pid, "fd");

	tempdir_mkdir(fd.path);
	if (symlink(path, tempdir_path(entry(pid, "fd/1").path)))
		abort();
}

void fake_process_end(int pid)
{
	static const char *const names[] = { "stat", "status", "cmdline", "cwd",
					     "fd/1", "fd",     "" };

	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++)
		remove(tempdir_path(entry(pid, names[i]).path));
}
