// SPDX-License-Identifier: GPL-2.0-or-later
#include "netns.h"

#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "wire/rtnl.h"

static const char *missing;

bool netns_write(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC);
	bool ok = fd >= 0 && write(fd, text, strlen(text)) == (ssize_t)strlen(text);

	if (fd >= 0)
		close(fd);
	return ok;
}

void netns_enter(void)
{
	char map[32];

	snprintf(map, sizeof(map), "0 %d 1", (int)getuid());
	if (unshare(CLONE_NEWNET) < 0 && (unshare(CLONE_NEWUSER | CLONE_NEWNET) < 0 ||
					  !netns_write("/proc/self/uid_map", map)))
		missing = "no network namespace may be made here";
	else if (!netns_ip("link add vib0 type veth peer name vib1") ||
		 !netns_ip("link del vib0"))
		missing = "neither 'ip' nor veth devices here";
	if (missing)
		fprintf(stderr, "TESTS OF THE NETWORK ARE SKIPPED: %s\n", missing);
}

const char *netns_missing(void)
{
	return missing;
}

bool netns_ip(const char *arguments)
{
	char command[256];

	snprintf(command, sizeof(command), "ip %s", arguments);
	return system(command) == 0;
}

int netns_maker(const char *device, const struct vib_gid *gid)
{
	struct rtnl *rtnl = rtnl_open();
	struct rtnl_address *list = NULL;
	int index, proto = -1;
	size_t count = 0;

	if (!rtnl)
		return -1;
	index = rtnl_find(rtnl, device);
	if (index > 0 && rtnl_list_addresses(rtnl, index, &list, &count) < 0)
		count = 0;
	for (size_t i = 0; i < count; i++)
		if (memcmp(list[i].raw, gid->raw, 16) == 0)
			proto = list[i].proto;
	free(list);
	rtnl_close(rtnl);
	return proto;
}
