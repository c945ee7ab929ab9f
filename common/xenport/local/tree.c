// SPDX-License-Identifier: GPL-2.0-or-later
#include "xenport/local/tree.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* A node with room for @num children, and none yet. */
static struct tree *node_new(const char *name, size_t name_len, const char *value,
			     const struct xenport_perms *perms, size_t num)
{
	struct tree *node = calloc(1, sizeof(*node) + num * sizeof(struct tree *));

	if (!node)
		return NULL;
	node->refs = 1;
	node->size = 1;
	node->perms = *perms;
	node->name = strndup(name, name_len);
	node->value = strdup(value);
	if (!node->name || !node->value) {
		tree_put(node);
		errno = ENOMEM;
		return NULL;
	}
	return node;
}

/* Takes over the reference. */
static void add_child(struct tree *node, struct tree *child)
{
	node->children[node->num++] = child;
	node->size += child->size;
}

struct tree *tree_new(void)
{
	return node_new("", 0, "", &(struct xenport_perms){ 0, 0 }, 0);
}

struct tree *tree_get(struct tree *tree)
{
	tree->refs++;
	return tree;
}

void tree_put(struct tree *tree)
{
	if (!tree || --tree->refs)
		return;
	for (size_t i = 0; i < tree->num; i++)
		tree_put(tree->children[i]);
	free(tree->name);
	free(tree->value);
	free(tree);
}

/* What follows the first element, of @len bytes. */
static const char *rest_of(const char *path, size_t len)
{
	return path + len + (path[len] == '/');
}

/* Which child the first element of @path names; the number of children: none. */
static size_t child_at(const struct tree *tree, const char *path, size_t len)
{
	size_t i;

	for (i = 0; i < tree->num; i++)
		if (!strncmp(tree->children[i]->name, path, len) &&
		    !tree->children[i]->name[len])
			break;
	return i;
}

const struct tree *tree_find(const struct tree *tree, const char *path)
{
	while (*path) {
		size_t len = strcspn(path, "/"), i = child_at(tree, path, len);

		if (i == tree->num)
			return NULL;
		tree = tree->children[i];
		path = rest_of(path, len);
	}
	return tree;
}

/*
 * @node with @child in place of child @i; one more if there was none, one less if
 * @child is NULL. Takes over the reference to @child, whatever comes of it.
 */
static struct tree *with_child(const struct tree *node, size_t i, struct tree *child)
{
	struct tree *copy = node_new(node->name, strlen(node->name), node->value,
				     &node->perms, node->num + 1);

	if (!copy) {
		tree_put(child);
		return NULL;
	}
	for (size_t j = 0; j < node->num; j++) {
		if (j != i)
			add_child(copy, tree_get(node->children[j]));
		else if (child)
			add_child(copy, child);
	}
	if (i == node->num)
		add_child(copy, child);
	return copy;
}

/* @node with another value or permissions. */
static struct tree *with_content(const struct tree *node, const char *value,
				 const struct xenport_perms *perms)
{
	struct tree *copy =
		node_new(node->name, strlen(node->name), value ? value : node->value,
			 perms ? perms : &node->perms, node->num);

	for (size_t i = 0; copy && i < node->num; i++)
		add_child(copy, tree_get(node->children[i]));
	return copy;
}

struct tree *tree_set(const struct tree *tree, const char *path, const char *value,
		      const struct xenport_perms *perms)
{
	size_t len = strcspn(path, "/"), i;
	struct tree *was, *is;

	if (!*path)
		return with_content(tree, value, perms);
	i = child_at(tree, path, len);
	was = i < tree->num ? tree_get(tree->children[i])
			    : node_new(path, len, "", &tree->perms, 0);
	if (!was)
		return NULL;
	is = tree_set(was, rest_of(path, len), value, perms);
	tree_put(was);
	return is ? with_child(tree, i, is) : NULL;
}

struct tree *tree_cut(const struct tree *tree, const char *path)
{
	size_t len = strcspn(path, "/"), i = child_at(tree, path, len);
	const char *rest = rest_of(path, len);
	struct tree *child = NULL;

	if (*rest) {
		child = tree_cut(tree->children[i], rest);
		if (!child)
			return NULL;
	}
	return with_child(tree, i, child);
}
