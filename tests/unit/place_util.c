/* SPDX-License-Identifier: Apache-2.0 */
#include "place_util.h"

#include "core/event.h"
#include "core/worker.h"
#include "unit.h"

#include <stdio.h>
#include <string.h>

void
refuse(struct world *v, size_t n, struct fake_refusal what)
{
	v->cloud.runs_asked.refusals[n] = what;
}

const char *
asked(struct world *v)
{
	static char text[2048];
	static size_t told;
	struct fake_runs *r = &v->cloud.runs_asked;
	size_t len = 0;

	if (told > r->count)
		told = 0;
	text[0] = '\0';
	for (; told < r->count; told++) {
		const struct fake_asked *a = fake_run_asked(r, told);

		len += (size_t)snprintf(text + len, sizeof(text) - len, "%s%s%s%s%s%s",
			len > 0 ? "; " : "", a->type, a->subnet[0] != '\0' ? " " : "",
			a->subnet, strcmp(a->market, "spot") == 0 ? " spot " : "",
			a->price);
	}
	return text;
}

void
check_tokens(struct world *v)
{
	struct fake_runs *r = &v->cloud.runs_asked;

	for (size_t n = 0; n < r->count; n++)
		for (size_t m = 0; m < n; m++)
			ck_assert_str_ne(fake_run_asked(r, m)->token,
				fake_run_asked(r, n)->token);
}

const struct event *
latest(const struct worker *w, int type, const char *to)
{
	for (size_t n = 0; n < event_ring_count(w->recent); n++) {
		const struct event *e = event_ring_get(w->recent, n);

		if ((int)e->type == type &&
			(to == NULL || (e->to != NULL && strcmp(e->to, to) == 0)))
			return e;
	}
	return NULL;
}
