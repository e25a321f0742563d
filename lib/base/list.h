/* SPDX-License-Identifier: Apache-2.0 */
/*
 * list: an intrusive, circular, doubly linked list.
 *
 *	struct tunnel { struct list link; ... };
 *	struct list tunnels;  list_init(&tunnels);  list_add(&tunnels, &t->link);
 *	list_each (struct tunnel, t, &tunnels, link) ...      // t may be removed in the body
 */
#ifndef BASE_LIST_H
#define BASE_LIST_H

#include <stdbool.h>
#include <stddef.h>

struct list {
	struct list *next, *prev;
};

static inline void
list_init(struct list *l)
{
	l->next = l->prev = l;
}

static inline bool
list_empty(const struct list *l)
{
	return l->next == l;
}

/* At the end of the list. */
static inline void
list_add(struct list *head, struct list *l)
{
	l->prev = head->prev;
	l->next = head;
	head->prev->next = l;
	head->prev = l;
}

/* Removes; harmless on a link that is initialised but in no list. */
static inline void
list_del(struct list *l)
{
	l->prev->next = l->next;
	l->next->prev = l->prev;
	l->next = l->prev = l;
}

/* All of from, in order, to the end of to. */
static inline void
list_move_all(struct list *to, struct list *from)
{
	if (list_empty(from))
		return;
	from->next->prev = to->prev;
	to->prev->next = from->next;
	from->prev->next = to;
	to->prev = from->prev;
	list_init(from);
}

#define container_of(ptr, type, member) ((type *)(void *)((char *)(ptr)-offsetof(type, member)))

#define list_first(type, head, member) \
	(list_empty(head) ? NULL : container_of((head)->next, type, member))

#define list_each(type, var, head, member)                                     \
	for (type *var = container_of((head)->next, type, member),             \
		  *var##_next_ = container_of(var->member.next, type, member); \
	     &var->member != (head);                                           \
	     var = var##_next_, var##_next_ = container_of(var->member.next, type, member))

#endif
