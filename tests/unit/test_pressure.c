// SPDX-License-Identifier: GPL-2.0-or-later
/* What ibback asks of the kernel for when memory is short, with a kernel that may refuse.
 */
#include "cm.h"

#include <errno.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>

#include "log.h"
#include "pressure.h"
#include "tempdir.h"

static struct {
	int locked; /* flags of mlockall(2) */
	int flusher;
	int lock_error, flusher_error; /* or 0 */
	unsigned int lines;
	char line[512]; /* the last */
} kernel;

int __wrap_mlockall(int flags);
int __wrap_prctl(int option, ...);
void __wrap_log_line(enum log_level level, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));

int __wrap_mlockall(int flags)
{
	errno = kernel.lock_error;
	if (errno)
		return -1;
	kernel.locked = flags;
	return 0;
}

int __wrap_prctl(int option, ...)
{
	va_list args;

	assert_int_equal(option, PR_SET_IO_FLUSHER);
	errno = kernel.flusher_error;
	if (errno)
		return -1;
	va_start(args, option);
	kernel.flusher = va_arg(args, int);
	va_end(args);
	return 0;
}

void __wrap_log_line(enum log_level level, const char *fmt, ...)
{
	va_list args;

	assert_int_equal(level, LOG_LEVEL_WARN);
	va_start(args, fmt);
	vsnprintf(kernel.line, sizeof(kernel.line), fmt, args);
	va_end(args);
	kernel.lines++;
}

static int setup(void **state)
{
	(void)state;
	memset(&kernel, 0, sizeof(kernel));
	tempdir_make();
	tempdir_write("oom", "0\n", 2);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	tempdir_remove();
	return 0;
}

static void prepare(void)
{
	char *file = strdup(tempdir_path("oom"));

	pressure_prepare(file);
	free(file);
}

static void memory_is_locked_and_no_io_is_waited_for(void **state)
{
	char score[16] = "";
	pthread_attr_t attr;
	size_t stack;
	FILE *f;

	(void)state;
	prepare();
	assert_int_equal(kernel.lines, 0);
	assert_int_equal(kernel.locked, MCL_CURRENT | MCL_FUTURE);
	assert_int_equal(kernel.flusher, 1);
	f = fopen(tempdir_path("oom"), "r");
	assert_non_null(f);
	assert_non_null(fgets(score, sizeof(score), f));
	fclose(f);
	assert_int_equal(atoi(score), -1000);
	/* What is locked of a thread is not what ulimit -s says. */
	assert_int_equal(pthread_getattr_default_np(&attr), 0);
	assert_int_equal(pthread_attr_getstacksize(&attr, &stack), 0);
	pthread_attr_destroy(&attr);
	assert_int_equal(stack, 1 << 20);
}

static void memory_that_cannot_be_locked_is_said(void **state)
{
	(void)state;
	kernel.lock_error = ENOMEM;
	prepare();
	assert_int_equal(kernel.lines, 1);
	assert_non_null(strstr(kernel.line, "mlockall: Cannot allocate memory"));
	assert_int_equal(kernel.flusher, 1);
}

static void a_flusher_that_is_refused_is_said(void **state)
{
	(void)state;
	kernel.flusher_error = EPERM;
	prepare();
	assert_int_equal(kernel.lines, 1);
	assert_non_null(
		strstr(kernel.line, "PR_SET_IO_FLUSHER: Operation not permitted"));
	assert_int_equal(kernel.locked, MCL_CURRENT | MCL_FUTURE);
}

static void a_score_that_cannot_be_written_is_said(void **state)
{
	(void)state;
	pressure_prepare("/nonexistent/oom_score_adj");
	assert_int_equal(kernel.lines, 1);
	assert_non_null(strstr(kernel.line, "/nonexistent/oom_score_adj: No such file"));
	assert_int_equal(kernel.locked, MCL_CURRENT | MCL_FUTURE);
}

#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(memory_is_locked_and_no_io_is_waited_for),
		T(memory_that_cannot_be_locked_is_said),
		T(a_flusher_that_is_refused_is_said),
		T(a_score_that_cannot_be_written_is_said),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
