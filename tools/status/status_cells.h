/* SPDX-License-Identifier: ISC */
/*
 * status_cells: what stands in the columns of the table for one connection,
 * whatever their places (status_table.c).
 */
#ifndef KASHIM_STATUS_CELLS_H
#define KASHIM_STATUS_CELLS_H

#include "status/status.h"
#include "term/terminal.h"

enum status_column {
	STATUS_VERDICT,
	STATUS_LOCAL,
	STATUS_REMOTE, /* with the arrow before it */
	STATUS_STATE,
	STATUS_KEEPALIVE,
	STATUS_USER_TIMEOUT,
	STATUS_PROBE,
	STATUS_UNANSWERED,
	STATUS_RULE,
	STATUS_LEFT,
	STATUS_COLUMNS,
};

#define STATUS_CELL_MAX (STATUS_BAR_MAX + 32)
/* The columns of what stands behind a bar: " 23h59min". */
#define STATUS_BAR_TEXT 9

struct status_cell {
	size_t columns; /* that text takes; 0: there is nothing */
	enum terminal_colour colour;
	char text[STATUS_CELL_MAX];
};

/*
 * Fills in a connection's cells. A rule's name is cut at rule columns; a bar
 * has bar columns, 0: there is none.
 */
void status_cells(const struct status *status, const struct live_socket *socket,
    size_t rule, size_t bar, struct status_cell cells[STATUS_COLUMNS]);

#endif
