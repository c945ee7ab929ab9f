// SPDX-License-Identifier: GPL-2.0-or-later
#include "wire/segments.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#define MODULE         "xen_hca_segment"

/* Any HCA's name fits, and with it any path. */
#define NAME_MAX_BYTES 64

enum answer { NO, YES, UNKNOWN };

/* Whether @path exists. */
static enum answer exists(const char *path)
{
	struct stat st;

	if (stat(path, &st) == 0)
		return YES;
	return errno == ENOENT ? NO : UNKNOWN;
}

/* Whether a line of the file @path is @want; one that is not there has no lines. */
static enum answer has_line(const char *path, const char *want)
{
	enum answer answer = NO;
	char line[128];
	FILE *f = fopen(path, "r");

	if (!f)
		return errno == ENOENT ? NO : UNKNOWN;
	while (answer == NO && fgets(line, sizeof(line), f)) {
		line[strcspn(line, "\n")] = '\0';
		if (strcmp(line, want) == 0)
			answer = YES;
	}
	if (answer == NO && ferror(f))
		answer = UNKNOWN;
	fclose(f);
	return answer;
}

/* A PV guest of Xen, Dom0 included: PVH and HVM have their memory as hardware has it. */
static enum answer is_pv(const char *sysfs)
{
	char path[256];
	enum answer xen;

	snprintf(path, sizeof(path), "%s/hypervisor/type", sysfs);
	xen = has_line(path, "xen");
	if (xen != YES)
		return xen;
	snprintf(path, sizeof(path), "%s/hypervisor/guest_type", sysfs);
	return exists(path) == YES ? has_line(path, "PV") : UNKNOWN;
}

/* Devices that are software alone have no device beneath. */
static enum answer does_dma(const char *sysfs, const char *device)
{
	char path[256];

	snprintf(path, sizeof(path), "%s/class/infiniband/%s/device", sysfs, device);
	return exists(path);
}

static enum answer is_set(const char *sysfs, const char *device)
{
	char path[256];

	snprintf(path, sizeof(path), "%s/module/" MODULE "/parameters/devices", sysfs);
	return has_line(path, device);
}

bool segments_hold(const char *sysfs, const char *device, char why[SEGMENTS_WHY_MAX])
{
	enum answer needed, set = NO;

	if (strlen(device) >= NAME_MAX_BYTES || strchr(device, '/')) {
		snprintf(why, SEGMENTS_WHY_MAX, "this is no device's name");
		return false;
	}
	needed = is_pv(sysfs);
	if (needed == YES)
		needed = does_dma(sysfs, device);
	if (needed == YES)
		set = is_set(sysfs, device);
	if (needed == NO || set == YES)
		return true;
	if (needed == UNKNOWN || set == UNKNOWN)
		snprintf(why, SEGMENTS_WHY_MAX, "what of it is in %s cannot be read: %s",
			 sysfs, strerror(errno));
	else
		snprintf(why, SEGMENTS_WHY_MAX,
			 "in this PV domain it would write to copies of guests' memory; "
			 "run 'modprobe " MODULE "'");
	return false;
}
