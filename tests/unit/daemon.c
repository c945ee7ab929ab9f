// SPDX-License-Identifier: GPL-2.0-or-later
#include "daemon.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "xenport/localguest.h"

/* Far beyond what a loaded machine needs. */
#define PATIENCE_MS 20000
#define STEP_MS     5

static void nap(void)
{
	nanosleep(&(struct timespec){ .tv_nsec = STEP_MS * 1000000L }, NULL);
}

static void find_program(char *path, size_t size)
{
	const char *given = getenv("XEN_IB_IBBACK");
	char self[512];
	ssize_t n;

	if (given) {
		snprintf(path, size, "%s", given);
		return;
	}
	n = readlink("/proc/self/exe", self, sizeof(self) - 1);
	if (n < 0)
		abort();
	self[n] = '\0';
	snprintf(path, size, "%s/../bin/ibback", dirname(self));
}

static void config_path(const struct daemon *d, char path[96])
{
	snprintf(path, 96, "%s/ibback.conf", d->dir);
}

static void write_config(const struct daemon *d, const char *text)
{
	char path[96];
	FILE *f;

	config_path(d, path);
	f = fopen(path, "w");
	if (!f || fputs(text, f) < 0 || fclose(f) != 0)
		abort();
}

static void show_log(const struct daemon *d)
{
	FILE *f = fopen(d->log, "r");
	char line[512];

	if (!f)
		return;
	while (fgets(line, sizeof(line), f))
		fprintf(stderr, "ibback: %s", line);
	fclose(f);
}

static _Noreturn void become_ibback(const struct daemon *d, const char *program,
				    pid_t parent)
{
	char local[128], config[128] = "--config=";
	int fd = open(d->log, O_WRONLY | O_CREAT | O_APPEND, 0644);
	int null = open("/dev/null", O_RDONLY);

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (getppid() != parent || fd < 0 || null < 0)
		_exit(127);
	dup2(null, 0);
	dup2(fd, 1);
	dup2(fd, 2);
	/* Descriptors of the caller's other connections would outlive it there. */
	close_range(3, ~0U, 0);
	snprintf(local, sizeof(local), "--local=%s", d->socket);
	config_path(d, config + strlen(config));
	execl(program, "ibback", "--no-xen", local, config, (char *)NULL);
	fprintf(stderr, "%s: %s\n", program, strerror(errno));
	_exit(127);
}

static bool listens(const struct daemon *d)
{
	struct localguest *guest = localguest_open(d->socket);

	if (guest)
		localguest_close(guest);
	return guest != NULL;
}

/* True when it has ended, of itself or as it was told to. */
static bool ended(struct daemon *d, int *status)
{
	if (waitpid(d->pid, status, WNOHANG) != d->pid)
		return false;
	d->pid = 0;
	return true;
}

bool daemon_restart(struct daemon *d)
{
	pid_t parent = getpid();
	char program[600];
	int status;

	find_program(program, sizeof(program));
	d->pid = fork();
	if (d->pid < 0)
		abort();
	if (d->pid == 0)
		become_ibback(d, program, parent);
	for (int waited = 0; waited < PATIENCE_MS; waited += STEP_MS) {
		if (listens(d))
			return true;
		if (ended(d, &status))
			break;
		nap();
	}
	show_log(d);
	daemon_kill(d);
	return false;
}

bool daemon_start(struct daemon *d, const char *config)
{
	memset(d, 0, sizeof(*d));
	strcpy(d->dir, "/tmp/xen-ib-daemon.XXXXXX");
	if (!mkdtemp(d->dir))
		abort();
	snprintf(d->socket, sizeof(d->socket), "%s/socket", d->dir);
	snprintf(d->log, sizeof(d->log), "%s/log", d->dir);
	write_config(d, config ? config : "");
	return daemon_restart(d);
}

void daemon_kill(struct daemon *d)
{
	if (!d->pid)
		return;
	kill(d->pid, SIGKILL);
	waitpid(d->pid, NULL, 0);
	d->pid = 0;
}

bool daemon_end(struct daemon *d)
{
	int status = -1;

	if (!d->pid)
		return true;
	kill(d->pid, SIGTERM);
	for (int waited = 0; waited < PATIENCE_MS; waited += STEP_MS) {
		if (ended(d, &status))
			break;
		nap();
	}
	daemon_kill(d); /* if it did not hear */
	if (WIFEXITED(status) && WEXITSTATUS(status) == 0)
		return true;
	fprintf(stderr, "ibback ended with wait status 0x%x\n", (unsigned int)status);
	show_log(d);
	return false;
}

bool daemon_stop(struct daemon *d)
{
	bool ok = daemon_end(d);
	char path[96];

	config_path(d, path);
	unlink(path);
	unlink(d->socket);
	unlink(d->log);
	rmdir(d->dir);
	return ok;
}
