// SPDX-License-Identifier: GPL-2.0-or-later
#include "mapped_files.h"

#include <fcntl.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/syscall.h>

#include "rawcall.h"

/* A line of /proc/PID/maps (proc(5)): START-END PERMS OFFSET DEV INODE  NAME */
enum { FIELD_RANGE = 0, FIELD_NAME = 5 };

struct line {
	uintptr_t start, end;
	unsigned int field;   /* where the next character belongs */
	unsigned int matched; /* characters of the prefix */
	bool dashed;          /* START is complete */
	bool blank;           /* between two fields */
	bool differs;         /* its name has not the prefix */
};

NO_LIBC static uintptr_t hex_digit(char c)
{
	return (uintptr_t)(c <= '9' ? c - '0' : c - 'a' + 10);
}

NO_LIBC static void take_range(struct line *l, char c)
{
	if (c == '-')
		l->dashed = true;
	else if (l->dashed)
		l->end = l->end << 4 | hex_digit(c);
	else
		l->start = l->start << 4 | hex_digit(c);
}

NO_LIBC static void take_name(struct line *l, const char *prefix, char c)
{
	if (l->differs || !prefix[l->matched])
		return;
	if (c == prefix[l->matched])
		l->matched++;
	else
		l->differs = true;
}

/* Any character of a line but its end. */
NO_LIBC static void take(struct line *l, const char *prefix, char c)
{
	if (c == ' ' && l->field != FIELD_NAME) {
		l->blank = true;
		return;
	}
	if (l->blank) {
		l->blank = false;
		l->field++;
	}
	if (l->field == FIELD_RANGE)
		take_range(l, c);
	else if (l->field == FIELD_NAME)
		take_name(l, prefix, c);
}

NO_LIBC static bool has_prefix(const struct line *l, const char *prefix)
{
	return l->field == FIELD_NAME && !l->differs && !prefix[l->matched];
}

NO_LIBC long mapped_files_unmap(const char *prefix)
{
	static const char path[] = "/proc/self/maps";
	struct line line = { 0 };
	char text[1024];
	long fd, n, result, unmapped = 0, error = 0;

	fd = rawcall(SYS_openat, (uintptr_t)AT_FDCWD, (uintptr_t)path, O_RDONLY, 0, 0);
	if (fd < 0)
		return fd;
	while ((n = rawcall(SYS_read, (uintptr_t)fd, (uintptr_t)text, sizeof(text), 0,
			    0)) > 0)
		for (long i = 0; i < n; i++) {
			if (text[i] != '\n') {
				take(&line, prefix, text[i]);
				continue;
			}
			if (has_prefix(&line, prefix)) {
				result = rawcall(SYS_munmap, line.start,
						 line.end - line.start, 0, 0, 0);
				if (result < 0)
					error = result;
				else
					unmapped++;
			}
			line = (struct line){ 0 };
		}
	rawcall(SYS_close, (uintptr_t)fd, 0, 0, 0, 0);
	if (n < 0)
		return n;
	return error ? error : unmapped;
}
