// SPDX-License-Identifier: GPL-2.0-or-later
#include "provision/record.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

static const char *const source_names[VIB_SOURCES] = {
	[VIB_FROM_RECORD] = "record", [VIB_FROM_CONF] = "conf",
	[VIB_FROM_XL] = "xl",         [VIB_FROM_CFG] = "cfg",
	[VIB_FROM_ATTACH] = "attach", [VIB_FROM_SET] = "set",
};

const char *vib_source_name(enum vib_source source)
{
	return source_names[source];
}

static int parse_source(const char *name, enum vib_source *source)
{
	for (int i = 0; i < VIB_SOURCES; i++)
		if (!strcmp(name, source_names[i])) {
			*source = (enum vib_source)i;
			return 0;
		}
	return -1;
}

/* mkdir -p; the last folder is for root alone, as names and texts are its matter. */
static int make_folders(const char *dir)
{
	char path[PATH_MAX];
	char *slash = path;

	if (snprintf(path, sizeof(path), "%s", dir) >= (int)sizeof(path)) {
		errno = ENAMETOOLONG;
		return -1;
	}
	while ((slash = strchr(slash + 1, '/'))) {
		*slash = '\0';
		if (mkdir(path, 0755) < 0 && errno != EEXIST)
			return -1;
		*slash = '/';
	}
	return mkdir(path, 0700) < 0 && errno != EEXIST ? -1 : 0;
}

int records_lock(const char *dir)
{
	char path[PATH_MAX];
	int fd, error;

	if (make_folders(dir) < 0)
		return -1;
	snprintf(path, sizeof(path), "%s/.lock", dir);
	fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	if (fd < 0)
		return -1;
	while (flock(fd, LOCK_EX) < 0) {
		if (errno == EINTR)
			continue;
		error = errno;
		close(fd);
		errno = error;
		return -1;
	}
	return fd;
}

static int record_path(char path[PATH_MAX], const char *dir, const char *uuid,
		       const char *suffix)
{
	int n = snprintf(path, PATH_MAX, "%s/%s.json%s", dir, uuid, suffix);

	if (n < 0 || n >= PATH_MAX) {
		errno = ENAMETOOLONG;
		return -1;
	}
	return 0;
}

static int copy_text(char *out, size_t size, const char *text)
{
	if (strlen(text) >= size)
		return -1;
	strcpy(out, text);
	return 0;
}

static int vib_from_json(json_t *json, struct record *record)
{
	struct record_vib *vib = &record->vibs[record->count];
	const char *text, *source, *error = "";
	int index;

	if (json_unpack(json, "{s:i, s:s, s:s, s?s}", "index", &index, "text", &text,
			"source", &source, "error", &error) < 0 ||
	    index < 0 || index > VIB_INDEX_MAX || record_find(record, (unsigned)index) ||
	    parse_source(source, &vib->source) < 0 ||
	    copy_text(vib->text, sizeof(vib->text), text) < 0 ||
	    copy_text(vib->error, sizeof(vib->error), error) < 0)
		return -1;
	vib->index = (unsigned int)index;
	record->count++;
	return 0;
}

static int record_from_json(json_t *json, const char *uuid, struct record *record)
{
	json_int_t made, gone;
	json_t *vibs, *vib;
	const char *name;
	size_t i;
	int domid;

	if (json_unpack(json, "{s:s, s:i, s:I, s:I, s:o}", "name", &name, "domid", &domid,
			"made", &made, "gone", &gone, "vibs", &vibs) < 0 ||
	    domid < 0 || domid > DOMID_MAX || made < 0 || gone < 0 ||
	    json_array_size(vibs) > VIBS_MAX ||
	    copy_text(record->uuid, sizeof(record->uuid), uuid) < 0 ||
	    copy_text(record->name, sizeof(record->name), name) < 0)
		return -1;
	record->domid = (uint16_t)domid;
	record->made_ms = (uint64_t)made;
	record->gone_ms = (uint64_t)gone;
	record->count = 0;
	json_array_foreach (vibs, i, vib) {
		if (vib_from_json(vib, record) < 0)
			return -1;
	}
	return 0;
}

int record_load(const char *dir, const char *uuid, struct record *record)
{
	char path[PATH_MAX];
	json_error_t error;
	json_t *json;
	int rc;

	if (record_path(path, dir, uuid, "") < 0 || access(path, R_OK) < 0)
		return -1;
	json = json_load_file(path, JSON_REJECT_DUPLICATES, &error);
	rc = json ? record_from_json(json, uuid, record) : -1;
	json_decref(json);
	if (rc < 0)
		errno = EINVAL;
	return rc;
}

static json_t *vib_to_json(const struct record_vib *vib)
{
	json_t *json = json_pack("{s:i, s:s, s:s}", "index", (int)vib->index, "text",
				 vib->text, "source", source_names[vib->source]);

	if (json && vib->error[0] &&
	    json_object_set_new(json, "error", json_string(vib->error)) < 0) {
		json_decref(json);
		return NULL;
	}
	return json;
}

static json_t *record_to_json(const struct record *record)
{
	json_t *vibs = json_array();

	for (size_t i = 0; vibs && i < record->count; i++)
		if (json_array_append_new(vibs, vib_to_json(&record->vibs[i])) < 0) {
			json_decref(vibs);
			return NULL;
		}
	return json_pack("{s:s, s:s, s:i, s:I, s:I, s:o}", "uuid", record->uuid, "name",
			 record->name, "domid", (int)record->domid, "made",
			 (json_int_t)record->made_ms, "gone", (json_int_t)record->gone_ms,
			 "vibs", vibs);
}

int record_save(const char *dir, const struct record *record)
{
	char path[PATH_MAX], temp[PATH_MAX];
	json_t *json;
	int rc, error;

	if (make_folders(dir) < 0 || record_path(path, dir, record->uuid, "") < 0 ||
	    record_path(temp, dir, record->uuid, ".new") < 0)
		return -1;
	json = record_to_json(record);
	if (!json) {
		errno = EINVAL; /* text that is not UTF-8, or no memory */
		return -1;
	}
	/* On a tmpfs: a rename is enough, there is no disk to sync. */
	rc = json_dump_file(json, temp, JSON_INDENT(2));
	json_decref(json);
	if (!rc)
		rc = rename(temp, path);
	if (rc < 0) {
		error = errno;
		unlink(temp);
		errno = error;
	}
	return rc;
}

int record_drop(const char *dir, const char *uuid)
{
	char path[PATH_MAX];

	if (record_path(path, dir, uuid, "") < 0)
		return -1;
	return unlink(path) < 0 && errno != ENOENT ? -1 : 0;
}

static bool is_record_name(const char *name)
{
	char uuid[UUID_STR_LEN];
	uuid_t bytes;

	if (strlen(name) != UUID_STR_LEN - 1 + strlen(".json") ||
	    strcmp(name + UUID_STR_LEN - 1, ".json") != 0)
		return false;
	memcpy(uuid, name, UUID_STR_LEN - 1);
	uuid[UUID_STR_LEN - 1] = '\0';
	return !uuid_parse(uuid, bytes);
}

int records_list(const char *dir, char (**uuids)[UUID_STR_LEN])
{
	DIR *d = opendir(dir);
	struct dirent *entry;
	int count = 0;

	*uuids = NULL;
	if (!d)
		return errno == ENOENT ? 0 : -1;
	while ((entry = readdir(d))) {
		char(*more)[UUID_STR_LEN];

		if (!is_record_name(entry->d_name))
			continue;
		more = reallocarray(*uuids, (size_t)count + 1, sizeof(**uuids));
		if (!more) {
			free(*uuids);
			*uuids = NULL;
			closedir(d);
			errno = ENOMEM;
			return -1;
		}
		*uuids = more;
		memcpy(more[count], entry->d_name, UUID_STR_LEN - 1);
		more[count++][UUID_STR_LEN - 1] = '\0';
	}
	closedir(d);
	return count;
}

struct record_vib *record_find(struct record *record, unsigned int index)
{
	for (size_t i = 0; i < record->count; i++)
		if (record->vibs[i].index == index)
			return &record->vibs[i];
	return NULL;
}

/* JSON is UTF-8 and what people write may not be; what is not ASCII is refused
 * wherever it matters, and still is as '?'.
 */
static void copy_ascii(char *out, size_t size, const char *text)
{
	size_t n;

	for (n = 0; text[n] && n + 1 < size; n++)
		out[n] = text[n] & 0x80 ? '?' : text[n];
	out[n] = '\0';
}

void record_init(struct record *record, const char *uuid, const char *name,
		 uint16_t domid)
{
	copy_ascii(record->uuid, sizeof(record->uuid), uuid);
	copy_ascii(record->name, sizeof(record->name), name);
	record->domid = domid;
	record->made_ms = boottime_ms();
	record->gone_ms = 0;
	record->count = 0;
}

int record_put(struct record *record, unsigned int index, enum vib_source source,
	       const char *text, const char *error)
{
	struct record_vib *vib = record_find(record, index);

	if (!vib) {
		if (record->count == VIBS_MAX) {
			errno = ENOSPC;
			return -1;
		}
		vib = &record->vibs[record->count++];
	}
	vib->index = index;
	vib->source = source;
	copy_ascii(vib->text, sizeof(vib->text), text);
	copy_ascii(vib->error, sizeof(vib->error), error);
	return 0;
}

bool record_take(struct record *record, unsigned int index)
{
	struct record_vib *vib = record_find(record, index);

	if (!vib)
		return false;
	record->count--;
	memmove(vib, vib + 1,
		(size_t)(&record->vibs[record->count] - vib) * sizeof(*vib));
	return true;
}
