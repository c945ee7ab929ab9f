// SPDX-License-Identifier: GPL-2.0-or-later
#include "provision/xlconf.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <libxlutil.h>

#define FILE_SIZE_MAX ((off_t)1 << 20)

static void copy_cut(char *out, size_t size, const char *text)
{
	snprintf(out, size, "%s", text);
}

static int take_list(const XLU_ConfigList *list, int entries, struct xlconf *conf)
{
	if (entries > VIBS_MAX) {
		snprintf(conf->error, sizeof(conf->error),
			 "vib has %d entries; want %d at most", entries, VIBS_MAX);
		return 0;
	}
	conf->texts = calloc((size_t)entries + 1, sizeof(*conf->texts));
	if (!conf->texts)
		return -1;
	for (int i = 0; i < entries; i++) {
		const char *text = xlu_cfg_get_listitem(list, i);

		if (!text)
			conf->no_text |= UINT32_C(1) << i;
		copy_cut(conf->texts[conf->count++], VIB_TEXT_SIZE, text ? text : "");
	}
	return 0;
}

static int take_keys(const XLU_Config *cfg, struct xlconf *conf)
{
	XLU_ConfigList *list;
	const char *name;
	int entries;

	if (!xlu_cfg_get_string(cfg, "name", &name, 1) &&
	    strlen(name) < sizeof(conf->name))
		copy_cut(conf->name, sizeof(conf->name), name);

	switch (xlu_cfg_get_list(cfg, "vib", &list, &entries, 1)) {
	case 0:
		conf->has_vib = true;
		return take_list(list, entries, conf);
	case ESRCH:
		return 0;
	default:
		conf->has_vib = true;
		copy_cut(conf->error, sizeof(conf->error),
			 "vib is no list; want vib=['key=value, ...', ...]");
		return 0;
	}
}

int xlconf_parse(const char *data, size_t length, const char *title, struct xlconf *conf,
		 struct reason *why)
{
	char *messages = NULL;
	size_t size = 0;
	FILE *report = open_memstream(&messages, &size);
	XLU_Config *cfg;
	int rc = -1;

	memset(conf, 0, sizeof(*conf));
	if (!report)
		return refuse(why, errno, "out of memory");
	cfg = xlu_cfg_init(report, title);
	if (!cfg)
		goto out_report;
	if (length > INT_MAX || xlu_cfg_readdata(cfg, data, (int)length)) {
		fflush(report);
		messages[strcspn(messages, "\n")] = '\0';
		refuse(why, EINVAL, "%s", messages);
		goto out_cfg;
	}
	rc = take_keys(cfg, conf);
	if (rc < 0)
		refuse(why, ENOMEM, "out of memory");
out_cfg:
	xlu_cfg_destroy(cfg);
out_report:
	if (!cfg)
		refuse(why, ENOMEM, "out of memory");
	fclose(report); /* a memory stream: its text has been taken */
	free(messages);
	return rc;
}

/* Read all of @fd, and put @extra behind it on a new line. */
static char *read_config(int fd, const char *extra, size_t *length)
{
	size_t extra_length = strlen(extra);
	struct stat st;
	char *data;
	ssize_t n;

	if (fstat(fd, &st) < 0)
		return NULL;
	if (!S_ISREG(st.st_mode) || st.st_size > FILE_SIZE_MAX) {
		errno = S_ISREG(st.st_mode) ? EFBIG : EINVAL;
		return NULL;
	}
	data = malloc((size_t)st.st_size + extra_length + 2);
	if (!data)
		return NULL;
	*length = 0;
	while (*length < (size_t)st.st_size) {
		n = read(fd, data + *length, (size_t)st.st_size - *length);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0) {
			free(data);
			return NULL;
		}
		if (n == 0)
			break; /* it has shrunk */
		*length += (size_t)n;
	}
	data[(*length)++] = '\n';
	memcpy(data + *length, extra, extra_length + 1);
	*length += extra_length;
	return data;
}

/* Open a file to read. What is none is not opened at all: opening can be an act,
 * as with a watchdog's device.
 */
static int open_regular(int dirfd, const char *path)
{
	int found = openat(dirfd, path, O_PATH | O_CLOEXEC);
	char link[32];
	struct stat st;
	int fd = -1, error;

	if (found < 0)
		return -1;
	if (fstat(found, &st) == 0) {
		if (S_ISREG(st.st_mode)) {
			snprintf(link, sizeof(link), "/proc/self/fd/%d", found);
			fd = open(link, O_RDONLY | O_CLOEXEC);
		} else {
			errno = EINVAL;
		}
	}
	error = errno;
	close(found);
	errno = error;
	return fd;
}

int xlconf_read(int dirfd, const char *path, const char *extra, struct xlconf *conf,
		struct reason *why)
{
	int fd = open_regular(dirfd, path);
	size_t length;
	char *data;
	int rc;

	if (fd < 0)
		return refuse(why, errno, "%s: %s", path,
			      errno == EINVAL ? "not a regular file" : strerror(errno));
	data = read_config(fd, extra, &length);
	if (!data) {
		refuse(why, errno, "%s: %s", path,
		       errno == EINVAL ? "not a regular file" : strerror(errno));
		close(fd);
		return -1;
	}
	close(fd);
	rc = xlconf_parse(data, length, path, conf, why);
	free(data);
	return rc;
}

void xlconf_free(struct xlconf *conf)
{
	free(conf->texts);
	conf->texts = NULL;
	conf->count = 0;
}

bool xlconf_same_vibs(const struct xlconf *a, const struct xlconf *b)
{
	if (a->has_vib != b->has_vib || a->count != b->count ||
	    a->no_text != b->no_text || strcmp(a->error, b->error) != 0)
		return false;
	for (size_t i = 0; i < a->count; i++)
		if (strcmp(a->texts[i], b->texts[i]) != 0)
			return false;
	return true;
}
