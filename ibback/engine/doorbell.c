// SPDX-License-Identifier: GPL-2.0-or-later
#include "engine/doorbell.h"

#include <errno.h>
#include <stdlib.h>

#define LEAF_BELLS 64

int doorbell_add(struct doorbell *db, uint32_t index, struct qp *qp)
{
	struct qp **leaf = db->qps[index / LEAF_BELLS];

	if (!leaf) {
		leaf = calloc(LEAF_BELLS, sizeof(struct qp *));
		if (!leaf)
			return -1;
		rcu_assign_pointer(db->qps[index / LEAF_BELLS], leaf);
	}
	if (leaf[index % LEAF_BELLS]) {
		errno = EEXIST;
		return -1;
	}
	rcu_assign_pointer(leaf[index % LEAF_BELLS], qp);
	return 0;
}

void *doorbell_del(struct doorbell *db, uint32_t index)
{
	struct qp **leaf = db->qps[index / LEAF_BELLS];

	rcu_assign_pointer(leaf[index % LEAF_BELLS], NULL);
	for (unsigned int i = 0; i < LEAF_BELLS; i++)
		if (leaf[i])
			return NULL;
	rcu_assign_pointer(db->qps[index / LEAF_BELLS], NULL);
	return leaf;
}

void doorbell_fini(struct doorbell *db)
{
	for (unsigned int i = 0; i < VIB_DB_LEAF_WORDS; i++)
		free(db->qps[i]);
}

/* The leaf has bells @bells that were taken too early: have them ring on. */
static void put_back(struct doorbell *db, unsigned int leaf, uint64_t bells)
{
	vib_or64(&db->page->leaf[leaf], bells);
	vib_or64(&db->page->summary[leaf / 64], 1ull << leaf % 64);
}

static void take_leaf(struct doorbell *db, unsigned int leaf, unsigned int *most,
		      void (*ring)(void *arg, struct qp *qp), void *arg)
{
	uint64_t bells = vib_doorbell_take_leaf(db->page, leaf);
	struct qp **qps = rcu_dereference(db->qps[leaf]);

	for (; bells && *most; bells &= bells - 1, --*most) {
		struct qp *qp = NULL;

		/* A bell that nobody has is a guest's affair, and costs it all the same.
		 */
		if (qps)
			qp = rcu_dereference(qps[__builtin_ctzll(bells)]);
		if (qp)
			ring(arg, qp);
	}
	if (bells)
		put_back(db, leaf, bells);
}

bool doorbell_take(struct doorbell *db, unsigned int *most,
		   void (*ring)(void *arg, struct qp *qp), void *arg)
{
	bool rang = false;

	for (unsigned int word = 0; word < VIB_DB_SUMMARY_WORDS && *most; word++) {
		uint64_t leaves;

		/* Reading it leaves the line where it is. */
		if (!*(volatile __u64 *)&db->page->summary[word])
			continue;
		leaves = vib_doorbell_take_summary(db->page, word);
		rang |= leaves != 0;
		for (; leaves && *most; leaves &= leaves - 1)
			take_leaf(db, word * 64 + (unsigned int)__builtin_ctzll(leaves),
				  most, ring, arg);
		if (leaves)
			vib_or64(&db->page->summary[word], leaves);
	}
	return rang;
}
