// SPDX-License-Identifier: GPL-2.0-or-later
#include "engine/table.h"

#include <errno.h>

/* Fibonacci hashing: numbers are given in sequence, and keys differ in high bits. */
static unsigned long hash(uint32_t number)
{
	return (number * 0x9e3779b97f4a7c15ul) >> 32;
}

static int matches(struct cds_lfht_node *lfht, const void *number)
{
	return caa_container_of(lfht, struct table_node, lfht)->number ==
	       *(const uint32_t *)number;
}

int table_init(struct table *t, unsigned int buckets)
{
	return table_init_growing(t, buckets, buckets);
}

int table_init_growing(struct table *t, unsigned int buckets, unsigned int most)
{
	t->lfht = cds_lfht_new(buckets, buckets, most, 0, NULL);
	t->count = 0;
	t->last = 0;
	t->buckets = buckets;
	if (t->lfht)
		return 0;
	errno = ENOMEM;
	return -1;
}

void table_grow(struct table *t, unsigned int buckets)
{
	if (buckets <= t->buckets)
		return;
	cds_lfht_resize(t->lfht, buckets);
	t->buckets = buckets;
}

void table_fini(struct table *t)
{
	if (t->lfht)
		cds_lfht_destroy(t->lfht, NULL);
	t->lfht = NULL;
}

struct table_node *table_find(const struct table *t, uint32_t number)
{
	struct cds_lfht_iter iter;
	struct cds_lfht_node *found;

	cds_lfht_lookup(t->lfht, hash(number), matches, &number, &iter);
	found = cds_lfht_iter_get_node(&iter);
	return found ? caa_container_of(found, struct table_node, lfht) : NULL;
}

void table_add(struct table *t, struct table_node *node, uint32_t number)
{
	node->number = number;
	cds_lfht_node_init(&node->lfht);
	cds_lfht_add(t->lfht, hash(number), &node->lfht);
	t->count++;
}

bool table_next_number(struct table *t, uint32_t first, uint32_t last, uint32_t *number)
{
	if (t->count > last - first)
		return false;
	do {
		t->last = t->last < first || t->last >= last ? first : t->last + 1;
	} while (table_find(t, t->last));
	*number = t->last;
	return true;
}

bool table_add_next(struct table *t, struct table_node *node, uint32_t first,
		    uint32_t last)
{
	uint32_t number;

	if (!table_next_number(t, first, last, &number))
		return false;
	table_add(t, node, number);
	return true;
}

void table_replace(struct table *t, struct table_node *old, struct table_node *node)
{
	struct cds_lfht_iter iter;

	node->number = old->number;
	cds_lfht_node_init(&node->lfht);
	cds_lfht_lookup(t->lfht, hash(old->number), matches, &old->number, &iter);
	cds_lfht_replace(t->lfht, &iter, hash(old->number), matches, &node->number,
			 &node->lfht);
}

void table_del(struct table *t, struct table_node *node)
{
	if (cds_lfht_del(t->lfht, &node->lfht) == 0)
		t->count--;
}

struct table_node *table_take_all(struct table *t)
{
	struct table_node *chain = NULL, *node;
	struct cds_lfht_iter iter;
	struct cds_lfht_node *found;

	if (!t->lfht)
		return NULL;
	cds_lfht_first(t->lfht, &iter);
	while ((found = cds_lfht_iter_get_node(&iter))) {
		cds_lfht_next(t->lfht, &iter);
		node = caa_container_of(found, struct table_node, lfht);
		table_del(t, node);
		node->next = chain;
		chain = node;
	}
	return chain;
}
