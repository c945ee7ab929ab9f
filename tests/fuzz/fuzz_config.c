// SPDX-License-Identifier: GPL-2.0-or-later
/* Any text as ibback.conf: it is taken whole, or refused with a reason. */
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "config.h"
#include "log.h"

static unsigned int lines;

/* In place of log.c: what is said is not read, but it is there. */
void log_line(enum log_level level, const char *fmt, ...)
{
	char text[1024];
	va_list ap;

	(void)level;
	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	lines++;
}

static void expect(bool what)
{
	if (!what)
		abort();
}

static void check(const struct config *config)
{
	const struct fabric *f, *other;

	expect(config->pollers >= 1 && config->pollers <= MAX_POLLERS);
	expect(config->num_cpus == 0 || config->num_cpus == config->pollers);
	for (unsigned int i = 0; i < config->num_cpus; i++)
		expect(config->cpus[i] >= 0);
	expect(config->poll <= POLL_NEVER);
	LIST_FOREACH(f, &config->fabrics->fabrics, entry)
	{
		/* Each wire is whole, its names fit into a path, and it is one fabric's.
		 */
		expect((f->kind == FABRIC_WIRE) == (f->device[0] && f->port));
		expect(f->kind == FABRIC_WIRE || !f->netdev[0]);
		expect(f->max_hca_mem >= 1 && f->max_hca_mem <= 65536);
		expect(f->frwr <= FABRIC_FRWR_NO);
		expect(!strchr(f->device, '/') && !strchr(f->netdev, '/'));
		expect(f->up == (f->kind == FABRIC_LOCAL));
		LIST_FOREACH(other, &config->fabrics->fabrics, entry)
		expect(other == f || strcmp(other->name, f->name) != 0);
		LIST_FOREACH(other, &config->fabrics->fabrics, entry)
		expect(other == f || f->kind == FABRIC_LOCAL || f->port != other->port ||
		       strcmp(other->device, f->device) != 0);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct fabric_table fabrics;
	struct config config;
	char path[32];
	int fd = memfd_create("ibback.conf", MFD_CLOEXEC), rc;

	expect(fd >= 0 && write(fd, data, size) == (ssize_t)size);
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	lines = 0;
	fabric_table_init(&fabrics);
	config_defaults(&config, &fabrics);
	rc = config_read(path, true, &config);
	expect((rc < 0) == (lines > 0)); /* a reason, and nothing else */
	if (rc == 0)
		check(&config);
	fabric_table_free(&fabrics);
	close(fd);
	return 0;
}
