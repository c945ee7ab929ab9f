/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Files of a test's folder (tempdir.h) of which one can see whether they are open: a lock
 * is held by what is open of a file, and what is mapped of it counts.
 */
#ifndef XEN_IB_TESTS_LOCKED_FILE_H
#define XEN_IB_TESTS_LOCKED_FILE_H

#include <errno.h>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <unistd.h>

#include "cm.h"
#include "tempdir.h"

#define PAGE 4096

/*
 * Make the file @name, map its page @page, 0 to 3, and close it: it is open for as long
 * as that is mapped.
 */
static inline void *map_locked(const char *name, int page)
{
	static const char text[4 * PAGE];
	void *p;
	int fd;

	tempdir_write(name, text, sizeof(text));
	fd = open(tempdir_path(name), O_RDWR | O_CLOEXEC);
	assert_true(fd >= 0);
	assert_int_equal(flock(fd, LOCK_EX | LOCK_NB), 0);
	p = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, page * PAGE);
	assert_ptr_not_equal(p, MAP_FAILED);
	close(fd);
	return p;
}

/* Whether anybody has it open still. */
static inline bool is_open(const char *name)
{
	int fd = open(tempdir_path(name), O_RDWR | O_CLOEXEC);
	int result;

	assert_true(fd >= 0);
	result = flock(fd, LOCK_EX | LOCK_NB);
	assert_true(result == 0 || errno == EWOULDBLOCK);
	close(fd);
	return result != 0;
}

#endif
