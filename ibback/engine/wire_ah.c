// SPDX-License-Identifier: GPL-2.0-or-later
#include "engine/wire_ah.h"

#include <string.h>

#include "engine/wire.h"

/* Places where an address can be. */
#define PROBES   8
/* A peer that has moved has another address on its link; one that was dead may live. */
#define READY_NS 30000000000ull
#define DEAD_NS  1000000000ull

static unsigned int hash(const struct wire_ah_key *key)
{
	const uint8_t *bytes = (const uint8_t *)key;
	uint32_t h = 2166136261u; /* FNV-1a */

	for (size_t i = 0; i < sizeof(*key); i++)
		h = (h ^ bytes[i]) * 16777619u;
	return h;
}

static bool is_same(const struct wire_ah *a, const struct wire_ah_key *key)
{
	return a->state != WIRE_AH_NONE && memcmp(&a->key, key, sizeof(*key)) == 0;
}

/* Better to be given up than @b? */
static bool is_older(const struct wire_ah *a, const struct wire_ah *b)
{
	return !b || a->state == WIRE_AH_NONE ||
	       (b->state != WIRE_AH_NONE && a->until < b->until);
}

/* The entry of @key, or one that it may have; NULL: all are being asked for. */
static struct wire_ah *look(struct wire_ahs *ahs, const struct wire_ah_key *key)
{
	struct wire_ah *best = NULL;
	unsigned int at = hash(key);

	for (unsigned int i = 0; i < PROBES; i++) {
		struct wire_ah *a = &ahs->entries[(at + i) % WIRE_AHS];

		if (is_same(a, key))
			return a;
		if (a->state != WIRE_AH_ASKED && is_older(a, best))
			best = a;
	}
	return best;
}

/* false: too many wait to be destroyed. */
static bool put_away(struct wire_ahs *ahs, struct wire_ah *a)
{
	if (!a->handle)
		return true;
	if (ahs->num_unused == WIRE_AHS)
		return false;
	ahs->num_unused++;
	a->handle->unused = true;
	a->handle = NULL;
	return true;
}

/* There is one: those of entries are at most WIRE_AHS, and so are the unused. */
static struct wire_ah_handle *new_handle(struct wire_ahs *ahs, void *ah)
{
	struct wire_ah_handle *h = ahs->handles;

	while (h->ah)
		h++;
	*h = (struct wire_ah_handle){ .ah = ah };
	return h;
}

static enum wire_ah_state ask(struct wire_ahs *ahs, struct wire_ah *a,
			      const struct wire_ah_key *key, uint32_t qpn)
{
	if (!put_away(ahs, a))
		return WIRE_AH_DEAD;
	a->state = WIRE_AH_ASKED;
	a->key = *key;
	a->waiter = qpn;
	TAILQ_INSERT_TAIL(&ahs->asked, a, asked);
	return WIRE_AH_NONE;
}

/* WIRE_AH_NONE: it is asked for just now. */
static enum wire_ah_state find(struct wire_ahs *ahs, const struct wire_ah_key *key,
			       uint64_t now, uint32_t qpn, struct wire_ah_handle **handle)
{
	struct wire_ah *a = look(ahs, key);

	if (!a)
		return WIRE_AH_DEAD;
	if (!is_same(a, key) || (a->state != WIRE_AH_ASKED && now >= a->until))
		return ask(ahs, a, key, qpn);
	if (a->state == WIRE_AH_READY) {
		a->handle->users++;
		*handle = a->handle;
	}
	return a->state;
}

enum wire_ah_state wire_ah_find(struct vhca_wire *wire, const struct wire_ah_key *key,
				uint64_t now, uint32_t qpn,
				struct wire_ah_handle **handle)
{
	enum wire_ah_state state;

	pthread_spin_lock(&wire->lock);
	state = find(&wire->ahs, key, now, qpn, handle);
	pthread_spin_unlock(&wire->lock);
	if (state != WIRE_AH_NONE)
		return state;
	wire->raised(wire->raised_arg);
	return WIRE_AH_ASKED;
}

void wire_ah_drop(struct vhca_wire *wire, struct wire_ah_handle *handle)
{
	pthread_spin_lock(&wire->lock);
	handle->users--;
	pthread_spin_unlock(&wire->lock);
}

struct wire_ah *wire_ah_next(struct vhca_wire *wire)
{
	struct wire_ah *a;

	pthread_spin_lock(&wire->lock);
	a = TAILQ_FIRST(&wire->ahs.asked);
	if (a)
		TAILQ_REMOVE(&wire->ahs.asked, a, asked);
	pthread_spin_unlock(&wire->lock);
	return a;
}

uint32_t wire_ah_resolve(struct vhca_wire *wire, struct wire_ah *a, void *ah,
			 uint64_t now)
{
	uint32_t waiter;

	pthread_spin_lock(&wire->lock);
	a->handle = ah ? new_handle(&wire->ahs, ah) : NULL;
	a->state = ah ? WIRE_AH_READY : WIRE_AH_DEAD;
	a->until = now + (ah ? READY_NS : DEAD_NS);
	waiter = a->waiter;
	pthread_spin_unlock(&wire->lock);
	return waiter;
}

static void *take_unused(struct wire_ahs *ahs)
{
	for (unsigned int i = 0; ahs->num_unused && i < 2 * WIRE_AHS; i++) {
		struct wire_ah_handle *h = &ahs->handles[i];
		void *ah = h->ah;

		if (!h->unused || h->users)
			continue;
		*h = (struct wire_ah_handle){ 0 };
		ahs->num_unused--;
		return ah;
	}
	return NULL;
}

void *wire_ah_take_unused(struct vhca_wire *wire)
{
	void *ah;

	pthread_spin_lock(&wire->lock);
	ah = take_unused(&wire->ahs);
	pthread_spin_unlock(&wire->lock);
	return ah;
}

void wire_ah_give_up(struct vhca_wire *wire)
{
	TAILQ_INIT(&wire->ahs.asked);
	for (unsigned int i = 0; i < WIRE_AHS; i++) {
		struct wire_ah *a = &wire->ahs.entries[i];

		a->state = WIRE_AH_NONE;
		if (!put_away(&wire->ahs, a))
			return; /* and again, when these are gone */
	}
}
