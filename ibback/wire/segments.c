// SPDX-License-Identifier: GPL-2.0-or-later
#include "wire/segments.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "log.h"

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

static bool unknown(const char *sysfs, const char *device)
{
	log_err("HCA %s is not used: what of it is in %s cannot be read: %s", device,
		sysfs, strerror(errno));
	return false;
}

bool segments_hold(const char *sysfs, const char *device)
{
	enum answer needed, set;

	if (strlen(device) >= NAME_MAX_BYTES || strchr(device, '/')) {
		log_err("HCA %s is not used: this is no device's name", device);
		return false;
	}
	needed = is_pv(sysfs);
	if (needed == YES)
		needed = does_dma(sysfs, device);
	if (needed == UNKNOWN)
		return unknown(sysfs, device);
	if (needed == NO)
		return true;
	set = is_set(sysfs, device);
	if (set == UNKNOWN)
		return unknown(sysfs, device);
	if (set == NO)
		log_err("HCA %s is not used: in this PV domain it would write to copies "
			"of "
			"guests' memory; run 'modprobe " MODULE "' and restart ibback",
			device);
	return set == YES;
}
