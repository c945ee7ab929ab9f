// SPDX-License-Identifier: GPL-2.0-or-later
#include "provision/xlproc.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "provision/xlargs.h"

/* More than a command line of ours needs; what is longer is not looked at. */
enum { CMDLINE_MAX = 32768 };

/* Read a /proc file, which has no size, as a string. Returns its length. */
static ssize_t read_small(int dirfd, const char *name, char *buf, size_t size)
{
	int fd = openat(dirfd, name, O_RDONLY | O_CLOEXEC);
	size_t length = 0;
	ssize_t n;

	if (fd < 0)
		return -1;
	while (length < size - 1) {
		n = read(fd, buf + length, size - 1 - length);
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			break;
		length += (size_t)n;
	}
	close(fd);
	buf[length] = '\0';
	return (ssize_t)length;
}

/* Field 22 of proc_pid_stat(5), in clock ticks since boot. */
static int read_start(int dirfd, uint64_t *started_ms)
{
	unsigned long long ticks;
	char stat[1024];
	char *p;

	if (read_small(dirfd, "stat", stat, sizeof(stat)) <= 0)
		return -1;
	/* Field 2 is the command in brackets, and may hold anything. */
	p = strrchr(stat, ')');
	for (int field = 2; p && field < 22; field++) {
		p = strchr(p, ' ');
		p = p ? p + 1 : NULL;
	}
	if (!p || sscanf(p, "%llu", &ticks) != 1)
		return -1;
	*started_ms = ticks * 1000 / (uint64_t)sysconf(_SC_CLK_TCK);
	return 0;
}

/*
 * All of its user ids are @owner. The owner of /proc/PID is the effective one
 * alone, and a setuid program that somebody started as "xl" has that of root.
 */
static bool runs_as(int dirfd, uid_t owner)
{
	char status[4096];
	unsigned int real, effective, saved, fs;
	const char *line;

	if (read_small(dirfd, "status", status, sizeof(status)) <= 0)
		return false;
	line = strstr(status, "\nUid:");
	return line &&
	       sscanf(line, " Uid: %u %u %u %u", &real, &effective, &saved, &fs) == 4 &&
	       real == owner && effective == owner && saved == owner && fs == owner;
}

static int read_xl_config(int dirfd, struct xlconf *conf)
{
	char cmdline[CMDLINE_MAX];
	struct xl_args args;
	struct reason why;
	ssize_t length = read_small(dirfd, "cmdline", cmdline, sizeof(cmdline));
	int cwd, rc;

	if (length <= 0 || length == sizeof(cmdline) - 1)
		return -1;
	if (xl_args_parse(cmdline, (size_t)length, &args) < 0)
		return -1;
	cwd = openat(dirfd, "cwd", O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (cwd < 0) {
		xl_args_free(&args);
		return -1;
	}
	rc = xlconf_read(cwd, args.config, args.extra, conf, &why);
	close(cwd);
	xl_args_free(&args);
	if (!rc && !conf->name[0]) {
		xlconf_free(conf);
		return -1;
	}
	return rc;
}

/* A monitor's output goes to a log that libxl_create_logfile() named after the
 * domain, and gives another suffix when it is rotated.
 */
static bool is_monitor(int dirfd, const char *domain)
{
	char target[PATH_MAX], log[DOMAIN_NAME_SIZE + 16];
	ssize_t n = readlinkat(dirfd, "fd/1", target, sizeof(target) - 1);
	const char *base;

	if (n < 0)
		return false;
	target[n] = '\0';
	base = strrchr(target, '/');
	snprintf(log, sizeof(log), "/xl-%s.log", domain);
	return base && !strncmp(base, log, strlen(log));
}

static struct xl_process *find_process(struct xl_pool *pool, pid_t pid,
				       uint64_t started_ms)
{
	for (size_t i = 0; i < pool->count; i++)
		if (pool->processes[i].pid == pid &&
		    pool->processes[i].started_ms == started_ms)
			return &pool->processes[i];
	return NULL;
}

static int add_process(struct xl_pool *pool, const struct xl_process *process)
{
	if (pool->count == pool->room) {
		size_t room = pool->room ? pool->room * 2 : 8;
		struct xl_process *more =
			reallocarray(pool->processes, room, sizeof(*more));

		if (!more)
			return -1;
		pool->processes = more;
		pool->room = room;
	}
	pool->processes[pool->count++] = *process;
	return 0;
}

static int look_at(struct xl_pool *pool, int dirfd, pid_t pid, uid_t owner)
{
	struct xl_process process = { .pid = pid, .seen = true };
	struct xl_process *known;

	/* Anybody may call a program xl; only the toolstack's user counts. */
	if (!runs_as(dirfd, owner) || read_start(dirfd, &process.started_ms) < 0)
		return 0;
	known = find_process(pool, pid, process.started_ms);
	if (known) {
		known->seen = true;
		return 0;
	}
	if (read_xl_config(dirfd, &process.conf) < 0)
		return 0;
	process.monitor = is_monitor(dirfd, process.conf.name);
	if (add_process(pool, &process) < 0) {
		xlconf_free(&process.conf);
		return -1;
	}
	return 0;
}

/* Take out the processes for which @doomed says so. */
static void prune(struct xl_pool *pool,
		  bool (*doomed)(const struct xl_process *process, const char *domain),
		  const char *domain)
{
	size_t kept = 0;

	for (size_t i = 0; i < pool->count; i++) {
		if (doomed(&pool->processes[i], domain))
			xlconf_free(&pool->processes[i].conf);
		else
			pool->processes[kept++] = pool->processes[i];
	}
	pool->count = kept;
	if (!kept) {
		free(pool->processes);
		memset(pool, 0, sizeof(*pool));
	}
}

static bool is_unseen(const struct xl_process *process, const char *domain)
{
	(void)domain;
	return !process->seen;
}

static bool is_named(const struct xl_process *process, const char *domain)
{
	return !domain || !strcmp(process->conf.name, domain);
}

int xl_pool_scan(struct xl_pool *pool, const char *proc, uid_t owner, bool keep_gone)
{
	struct dirent *entry;
	DIR *d = opendir(proc);
	int rc = 0;

	if (!d)
		return -1;
	for (size_t i = 0; i < pool->count; i++)
		pool->processes[i].seen = false;

	while (!rc && (entry = readdir(d))) {
		uint64_t pid;
		int dirfd_pid;

		if (schema_parse_uint(entry->d_name, 1, INT_MAX, &pid, NULL) < 0)
			continue;
		dirfd_pid = openat(dirfd(d), entry->d_name,
				   O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		if (dirfd_pid < 0)
			continue; /* it has just ended */
		rc = look_at(pool, dirfd_pid, (pid_t)pid, owner);
		close(dirfd_pid);
	}
	closedir(d);
	if (!keep_gone)
		prune(pool, is_unseen, NULL);
	return rc;
}

const struct xl_process *xl_pool_find(const struct xl_pool *pool, const char *domain,
				      uint64_t since_ms)
{
	const struct xl_process *found = NULL;

	for (size_t i = 0; i < pool->count; i++) {
		const struct xl_process *p = &pool->processes[i];

		if (strcmp(p->conf.name, domain) != 0 ||
		    (since_ms && (p->monitor || p->started_ms < since_ms)))
			continue;
		if (found && !xlconf_same_vibs(&found->conf, &p->conf)) {
			errno = ENOTUNIQ;
			return NULL;
		}
		found = p;
	}
	if (!found)
		errno = ENOENT;
	return found;
}

void xl_pool_forget(struct xl_pool *pool, const char *domain)
{
	prune(pool, is_named, domain);
}
