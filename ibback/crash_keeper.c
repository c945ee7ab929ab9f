// SPDX-License-Identifier: GPL-2.0-or-later
#include "crash_keeper.h"

#include <errno.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stddef.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "mapped_files.h"
#include "rawcall.h"

#define STACK_BYTES (64u << 10)

NO_LIBC static void close_all_but(int fd)
{
	if (fd > 0)
		rawcall(SYS_close_range, 0, (uintptr_t)fd - 1, 0, 0, 0);
	rawcall(SYS_close_range, (uintptr_t)fd + 1, ~0U, 0, 0, 0);
}

/*
 * The keeper. A pidfd is readable when the last thread of its process has closed what
 * it had; of an error there is nobody to tell.
 */
NO_LIBC static int keep(void *arg)
{
	static const char name[] = "ibback-keeper";
	const struct crash_keeper *k = arg;
	struct pollfd ibback = { .fd = k->watched, .events = POLLIN };

	rawcall(SYS_prctl, PR_SET_NAME, (uintptr_t)name, 0, 0, 0);
	rawcall(SYS_setsid, 0, 0, 0, 0, 0);
	close_all_but(ibback.fd);
	while (rawcall(SYS_ppoll, (uintptr_t)&ibback, 1, 0, 0, 0) == -EINTR)
		;
	mapped_files_unmap(k->hca_files);
	return 0;
}

/* All signals are blocked, as they will be in the keeper. */
static int start_blocked(struct crash_keeper *k)
{
	k->watched = (int)syscall(SYS_pidfd_open, getpid(), 0);
	if (k->watched < 0)
		return -1;
	k->pid = clone(keep, (char *)k->stack + STACK_BYTES, CLONE_VM | CLONE_PIDFD, k,
		       &k->fd);
	close(k->watched); /* the keeper has its own */
	return k->pid < 0 ? -1 : 0;
}

int crash_keeper_start(struct crash_keeper *k, const char *hca_files)
{
	sigset_t all, before;
	int result, error;

	*k = (struct crash_keeper){ .hca_files = hca_files };
	k->stack = mmap(NULL, STACK_BYTES, PROT_READ | PROT_WRITE,
			MAP_PRIVATE | MAP_ANONYMOUS | MAP_STACK, -1, 0);
	if (k->stack == MAP_FAILED)
		return -1;
	sigfillset(&all);
	sigprocmask(SIG_BLOCK, &all, &before);
	result = start_blocked(k);
	error = errno;
	sigprocmask(SIG_SETMASK, &before, NULL);
	if (result == 0)
		return 0;
	munmap(k->stack, STACK_BYTES);
	*k = (struct crash_keeper){ 0 };
	errno = error;
	return -1;
}

void crash_keeper_stop(struct crash_keeper *k)
{
	if (!k->pid)
		return;
	kill(k->pid, SIGKILL);
	while (waitpid(k->pid, NULL, __WALL) < 0 && errno == EINTR)
		;
	close(k->fd);
	munmap(k->stack, STACK_BYTES);
	*k = (struct crash_keeper){ 0 };
}
