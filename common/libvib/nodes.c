// SPDX-License-Identifier: GPL-2.0-or-later
/* Xenstore, as far as a frontend and its toolstack go. */
#include <stdio.h>

#include "libvib/internal.h"

void lv_put(struct lv_nodes *nodes, const char *dir, const char *key, const char *value)
{
	size_t i = nodes->count++;

	snprintf(nodes->paths[i], sizeof(nodes->paths[i]), "%s%s%s", dir, *key ? "/" : "",
		 key);
	nodes->list[i].path = nodes->paths[i];
	nodes->list[i].value = value;
}

void lv_put_uint(struct lv_nodes *nodes, const char *dir, const char *key, uint32_t value)
{
	char *text = nodes->numbers[nodes->count];

	snprintf(text, sizeof(nodes->numbers[0]), "%u", value);
	lv_put(nodes, dir, key, text);
}

void lv_put_config(struct lv_nodes *nodes, const char *dir, const struct vibconf *conf)
{
	for (size_t i = 0; i < conf->count; i++) {
		const struct vibconf_item *item = &conf->items[i];

		if (item->node->side == SCHEMA_BACKEND)
			lv_put(nodes, dir, item->node->key,
			       item->value[0] ? item->value : NULL);
	}
}

int lv_write(struct libvib *lv, const struct lv_nodes *nodes)
{
	return localguest_write(lv->guest, nodes->list, nodes->count);
}

void lv_read(struct libvib *lv, const char *dir, const char *key, char *value,
	     size_t size)
{
	char path[96];

	snprintf(path, sizeof(path), "%s/%s", dir, key);
	if (localguest_read(lv->guest, path, value, size) < 0)
		value[0] = '\0';
}

unsigned int lv_read_state(struct libvib *lv, const char *dir)
{
	char text[16];
	uint64_t state;

	lv_read(lv, dir, VIB_BE_STATE, text, sizeof(text));
	if (schema_parse_uint(text, 0, 8, &state, NULL) < 0)
		return 0;
	return (unsigned int)state;
}
