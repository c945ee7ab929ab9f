// SPDX-License-Identifier: GPL-2.0-or-later
#include "vibctl.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int table_add(struct table *table, const char *const *texts)
{
	char *(*more)[TABLE_COLUMNS_MAX] =
		reallocarray(table->cells, table->rows + 1, sizeof(*more));

	if (!more)
		return -1;
	table->cells = more;
	memset(more[table->rows], 0, sizeof(*more));
	for (size_t i = 0; i < table->columns; i++) {
		more[table->rows][i] = strdup(texts[i]);
		if (!more[table->rows][i]) {
			while (i > 0)
				free(more[table->rows][--i]);
			return -1;
		}
	}
	table->rows++;
	return 0;
}

static int column_width(const struct table *table, size_t column)
{
	size_t width = 0;

	for (size_t row = 0; row < table->rows; row++) {
		size_t length = strlen(table->cells[row][column]);

		width = length > width ? length : width;
	}
	return (int)width;
}

void table_print(const struct table *table)
{
	int widths[TABLE_COLUMNS_MAX];

	for (size_t column = 0; column < table->columns; column++)
		widths[column] = column_width(table, column);
	for (size_t row = 0; row < table->rows; row++) {
		for (size_t column = 0; column + 1 < table->columns; column++)
			printf("%-*s  ", widths[column], table->cells[row][column]);
		printf("%s\n", table->cells[row][table->columns - 1]);
	}
}

void table_free(struct table *table)
{
	for (size_t row = 0; row < table->rows; row++)
		for (size_t column = 0; column < table->columns; column++)
			free(table->cells[row][column]);
	free(table->cells);
}
