// SPDX-License-Identifier: GPL-2.0-or-later
#include "engine/async.h"

void async_list_init(struct async_list *list, void (*raised)(void *arg), void *arg)
{
	pthread_spin_init(&list->lock, PTHREAD_PROCESS_PRIVATE);
	TAILQ_INIT(&list->sources);
	list->raised = raised;
	list->arg = arg;
}

void async_list_fini(struct async_list *list)
{
	pthread_spin_destroy(&list->lock);
}

void async_raise(struct async_list *list, struct async_source *source,
		 enum vib_async_type type)
{
	pthread_spin_lock(&list->lock);
	if (!source->pending)
		TAILQ_INSERT_TAIL(&list->sources, source, entry);
	source->pending |= 1ull << type;
	pthread_spin_unlock(&list->lock);
	list->raised(list->arg);
}

bool async_take(struct async_list *list, uint16_t *type, uint32_t *number)
{
	struct async_source *source;

	pthread_spin_lock(&list->lock);
	source = TAILQ_FIRST(&list->sources);
	if (source) {
		*type = (uint16_t)__builtin_ctzll(source->pending);
		*number = source->number;
		source->pending &= source->pending - 1;
		/* To the end, so that one object cannot hold up the others. */
		TAILQ_REMOVE(&list->sources, source, entry);
		if (source->pending)
			TAILQ_INSERT_TAIL(&list->sources, source, entry);
	}
	pthread_spin_unlock(&list->lock);
	return source != NULL;
}

void async_forget(struct async_list *list, struct async_source *source)
{
	pthread_spin_lock(&list->lock);
	if (source->pending)
		TAILQ_REMOVE(&list->sources, source, entry);
	source->pending = 0;
	pthread_spin_unlock(&list->lock);
}
