// SPDX-License-Identifier: GPL-2.0-or-later
#include "pressure.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "log.h"

/* The least there is: never. */
#define OOM_NEVER    "-1000"
/* Of each thread, and locked, so not the 8 MiB of ulimit -s; pollers use a tenth. */
#define THREAD_STACK (1u << 20)

static int write_file(const char *file, const char *text)
{
	int fd = open(file, O_WRONLY | O_CLOEXEC);
	ssize_t n;
	int error;

	if (fd < 0)
		return -1;
	n = write(fd, text, strlen(text));
	error = errno;
	close(fd);
	errno = error;
	return n < 0 ? -1 : 0;
}

static int set_thread_stacks(void)
{
	pthread_attr_t attr;

	errno = pthread_attr_init(&attr);
	if (errno)
		return -1;
	errno = pthread_attr_setstacksize(&attr, THREAD_STACK);
	if (!errno)
		errno = pthread_setattr_default_np(&attr);
	pthread_attr_destroy(&attr);
	return errno ? -1 : 0;
}

void pressure_prepare(const char *oom_file)
{
	/* A flag of the thread's, which those that it starts inherit. */
	if (prctl(PR_SET_IO_FLUSHER, 1, 0, 0, 0) < 0)
		log_warn(
			"PR_SET_IO_FLUSHER: %s; a disk of Dom0's that is reached through "
			"a vib may hang when memory is short",
			strerror(errno));
	if (write_file(oom_file, OOM_NEVER) < 0)
		log_warn("%s: %s; ibback may be killed when memory is short", oom_file,
			 strerror(errno));
	if (set_thread_stacks() < 0)
		log_warn("cannot set the threads' stack size: %s; more memory is locked "
			 "than need be",
			 strerror(errno));
	/* Not what is mapped of guests: grants have pages of their own. */
	if (mlockall(MCL_CURRENT | MCL_FUTURE) < 0)
		log_warn("mlockall: %s; a disk of Dom0's that is reached through a vib "
			 "may "
			 "hang when memory is short",
			 strerror(errno));
}
