// SPDX-License-Identifier: GPL-2.0-or-later
#include "engine/doorbell.h"

#include <errno.h>
#include <stdlib.h>

#define LEAF_BELLS 64

int doorbell_add(struct doorbell *db, uint32_t index, struct bell *bell)
{
	struct bell **leaf = db->bells[index / LEAF_BELLS];

	if (!leaf) {
		leaf = calloc(LEAF_BELLS, sizeof(struct bell *));
		if (!leaf)
			return -1;
		rcu_assign_pointer(db->bells[index / LEAF_BELLS], leaf);
	}
	if (leaf[index % LEAF_BELLS]) {
		errno = EEXIST;
		return -1;
	}
	rcu_assign_pointer(leaf[index % LEAF_BELLS], bell);
	return 0;
}

void *doorbell_del(struct doorbell *db, uint32_t index)
{
	struct bell **leaf = db->bells[index / LEAF_BELLS];

	rcu_assign_pointer(leaf[index % LEAF_BELLS], NULL);
	for (unsigned int i = 0; i < LEAF_BELLS; i++)
		if (leaf[i])
			return NULL;
	rcu_assign_pointer(db->bells[index / LEAF_BELLS], NULL);
	return leaf;
}

void doorbell_fini(struct doorbell *db)
{
	for (unsigned int i = 0; i < VIB_DB_LEAF_WORDS; i++)
		free(db->bells[i]);
}

/* A look at the bells of a page. */
struct look {
	struct doorbell *db;
	unsigned int left; /* bells that may still be taken */
	struct poller *poller;
};

/* Bells @bells of @leaf were taken too early: have them ring on. */
static void put_back(struct doorbell *db, unsigned int leaf, uint64_t bells)
{
	if (!bells)
		return;
	vib_or64(&db->page->leaf[leaf], bells);
	vib_or64(&db->page->summary[leaf / 64], 1ull << leaf % 64);
}

/* One bell. A bell that nobody has is a guest's affair, and costs it all the same. */
static bool take_bell(struct look *look, struct bell **bells, unsigned int bit)
{
	struct bell *bell = bells ? rcu_dereference(bells[bit]) : NULL;

	return !bell || bell->rang(bell, look->poller);
}

/*
 * The bells of @leaf from bit @from on; those below ring on. false if there was
 * one too many, which the next look begins with.
 */
static bool take_leaf(struct look *look, unsigned int leaf, unsigned int from)
{
	uint64_t below = (1ull << from) - 1;
	uint64_t bells = vib_doorbell_take_leaf(look->db->page, leaf);
	struct bell **leaf_bells = rcu_dereference(look->db->bells[leaf]);

	put_back(look->db, leaf, bells & below);
	for (bells &= ~below; bells; bells &= bells - 1, look->left--) {
		unsigned int bit = (unsigned int)__builtin_ctzll(bells);

		if (look->left && take_bell(look, leaf_bells, bit))
			continue;
		put_back(look->db, leaf, bells);
		look->db->next_bell = leaf * 64 + bit;
		return false;
	}
	return true;
}

/*
 * The leaves of summary word @word that ring, from @from on; those below ring on.
 * Reading the word first leaves its line where it is.
 */
static uint64_t take_leaves(struct doorbell *db, unsigned int word, unsigned int from)
{
	uint64_t leaves, below;

	if (!*(volatile __u64 *)&db->page->summary[word])
		return 0;
	leaves = vib_doorbell_take_summary(db->page, word);
	below = leaves & ((1ull << from) - 1);
	if (below)
		vib_or64(&db->page->summary[word], below);
	return leaves & ~below;
}

bool doorbell_take(struct doorbell *db, unsigned int most, struct poller *poller)
{
	struct look look = { .db = db, .left = most, .poller = poller };
	unsigned int first = db->next_bell / 64, from = db->next_bell % 64;
	bool rang = false, more = true;

	db->next_bell = 0;
	/* Once round, and the first word again for what is below the beginning. */
	for (unsigned int i = 0; i <= VIB_DB_SUMMARY_WORDS && more; i++) {
		unsigned int word = (first / 64 + i) % VIB_DB_SUMMARY_WORDS;
		uint64_t leaves = take_leaves(db, word, i ? 0 : first % 64);

		rang |= leaves != 0;
		for (; leaves && more; leaves &= leaves - 1) {
			unsigned int leaf =
				word * 64 + (unsigned int)__builtin_ctzll(leaves);

			more = take_leaf(&look, leaf, i || leaf != first ? 0 : from);
		}
		if (leaves)
			vib_or64(&db->page->summary[word], leaves);
	}
	return rang;
}
