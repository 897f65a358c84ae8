/* SPDX-License-Identifier: Apache-2.0 */
/* Filters and pages for any action that lists. */
#include "sim/listing.h"

#include "base/mem.h"
#include "sim/action.h"
#include "sim/page.h"
#include "sim/xmlout.h"

int
sim_listing_begin(struct sim_listing *l, const struct sim_filter_row *rows)
{
	l->page = NEW(struct sim_page);
	if (sim_page_read(l->call, l->rule, l->page) != 0 ||
		sim_filters_parse(l->call->params, rows, &l->filters,
			&l->call->error) != 0)
		return -1;
	sim_xml_open(l->call->out, l->set);
	return 0;
}

bool
sim_listing_offer(struct sim_listing *l, uint64_t key, const void *obj)
{
	if (key <= l->page->after || !sim_filters_match(&l->filters, obj))
		return true;
	if (l->count == l->page->max) {
		l->page->last = l->key;
		return false;
	}
	l->put(obj, l->before, l->call->out);
	l->before = obj;
	l->key = key;
	l->count++;
	return true;
}

void
sim_listing_end(struct sim_listing *l)
{
	sim_xml_close(l->call->out, l->set);
	sim_page_put(l->page, l->call->out);
}

void
sim_listing_fini(struct sim_listing *l)
{
	sim_filters_fini(&l->filters);
	free(l->page);
}
