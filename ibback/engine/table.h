/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A table from 32-bit numbers to objects, over liburcu's hash table: read by
 * pollers without locks, changed by the control thread alone. An object that
 * was taken out may still be in use until synchronize_rcu() returns.
 */
#ifndef XEN_IB_IBBACK_TABLE_H
#define XEN_IB_IBBACK_TABLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "engine/rcu.h"

/* Part of an object in a table. */
struct table_node {
	struct cds_lfht_node lfht;
	uint32_t number;
	struct table_node *next; /* of a chain that was taken out */
};

struct table {
	struct cds_lfht *lfht;
	uint32_t count;
	uint32_t last; /* the number given last */
	unsigned int buckets;
};

/* @buckets: a power of two near the number of objects. -1 and ENOMEM. */
int table_init(struct table *t, unsigned int buckets);
/* The same, of a table that table_grow() may give up to @most of them. */
int table_init_growing(struct table *t, unsigned int buckets, unsigned int most);
/* Have @buckets, a power of two, if it has fewer. Those who read it may go on. */
void table_grow(struct table *t, unsigned int buckets);
/* The table is empty. Harmless on one that was zeroed and never initialised. */
void table_fini(struct table *t);

/* The object of @number, or NULL. */
struct table_node *table_find(const struct table *t, uint32_t number);

/* The object of @type whose member node is in @t under @number, or NULL. */
#define table_get(t, number, type) \
	((struct type *)table_object(t, number, offsetof(struct type, node)))

static inline void *table_object(const struct table *t, uint32_t number, size_t offset)
{
	struct table_node *node = table_find(t, number);

	return node ? (char *)node - offset : NULL;
}

/* Put @node in under @number, which no other has. What is given next stays the same. */
void table_add(struct table *t, struct table_node *node, uint32_t number);

/*
 * Put @node in under a free number from @first to @last, the one after that
 * given last, so that a number comes back late. false if none is free.
 */
bool table_add_next(struct table *t, struct table_node *node, uint32_t first,
		    uint32_t last);

/* Give a number as table_add_next() does, for table_add(); false if there is none. */
bool table_next_number(struct table *t, uint32_t first, uint32_t last, uint32_t *number);

/* Put @node in @old's place, at once: who looks finds the one or the other. */
void table_replace(struct table *t, struct table_node *old, struct table_node *node);

/* Take @node out. */
void table_del(struct table *t, struct table_node *node);

/* Take all out: a chain of them, or NULL. */
struct table_node *table_take_all(struct table *t);

#endif
