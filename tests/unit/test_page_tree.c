// SPDX-License-Identifier: GPL-2.0-or-later
/* The trees of grants that libvib makes, walked as a backend does. */
#include "cm.h"

#include <stdlib.h>

#include "libvib/memory.h"

#define LISTS_REF 0x1000000u
#define FIRST_REF 500u

/* The list page of a reference. */
static const uint32_t *list(const uint32_t *lists, uint32_t ref, size_t count)
{
	assert_in_range(ref, LISTS_REF, LISTS_REF + count - 1);
	return lists + (size_t)(ref - LISTS_REF) * VIB_LIST_REFS;
}

static void check_tree(uint32_t count, size_t pages)
{
	uint32_t *lists = calloc(pages ? pages : 1, VIB_PAGE_SIZE);
	uint32_t root, page;

	assert_int_equal(libvib_tree_lists(count), pages);
	root = libvib_tree_fill(lists, LISTS_REF, FIRST_REF, count);
	if (count == 1)
		assert_int_equal(root, FIRST_REF);
	for (uint32_t i = 0; count > 1 && i < count; i++) {
		const uint32_t *leaf = list(lists, root, pages);

		if (count > VIB_LIST_REFS)
			leaf = list(lists, leaf[i / VIB_LIST_REFS], pages);
		page = leaf[i % VIB_LIST_REFS];
		if (page != FIRST_REF + i)
			fail_msg("page %u of %u is %u", i, count, page);
	}
	free(lists);
}

static void trees_of_every_height_name_all_pages_in_order(void **state)
{
	(void)state;
	check_tree(1, 0);
	check_tree(2, 1);
	check_tree(VIB_LIST_REFS, 1);
	check_tree(VIB_LIST_REFS + 1, 3);
	check_tree(2 * VIB_LIST_REFS, 3);
	check_tree(2 * VIB_LIST_REFS + 1, 4);
	check_tree(VIB_PAGES_MAX, VIB_LIST_REFS + 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(trees_of_every_height_name_all_pages_in_order),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
