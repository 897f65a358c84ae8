/* SPDX-License-Identifier: Apache-2.0 */
/* DescribeSpotPriceHistory: the newest price first. */
#include "sim/ec2.h"

#include "base/buf.h"
#include "base/clock.h"
#include "base/mem.h"
#include "sim/action.h"
#include "sim/catalog.h"
#include "sim/listing.h"
#include "sim/page.h"
#include "sim/params.h"
#include "sim/prices.h"
#include "sim/xmlout.h"

#include <stdio.h>
#include <string.h>

static const struct sim_page_rule pages = {NULL, NULL, 1, 1000};

/* Which stretch of time is asked for. */
struct span {
	int64_t start_ms, end_ms;
};

static const char *
print_price(const struct sim_quote *q, char text[static SIM_FILTER_TEXT])
{
	(void)snprintf(text, SIM_FILTER_TEXT, "%.6f", q->price);
	return text;
}

#define GET(name, expression) SIM_FILTER_GET(name, struct sim_quote, q, expression)

GET(zone, q->zone)
GET(type, q->type)
GET(product, q->product)
GET(price, print_price(q, text))
GET(time, clock_format(q->wall_ms, text))

static const struct sim_filter_row filters[] = {
	{"availability-zone", get_zone, NULL},
	{"instance-type", get_type, NULL},
	{"product-description", get_product, NULL},
	{"spot-price", get_price, NULL},
	{"timestamp", get_time, NULL},
	{NULL, NULL, NULL},
};

static void
put_quote(const void *obj, const void *before, struct buf *out)
{
	const struct sim_quote *q = obj;
	char text[SIM_FILTER_TEXT];

	(void)before;
	buf_puts(out, "<item>");
	sim_xml_text(out, "instanceType", q->type);
	sim_xml_text(out, "productDescription", q->product);
	sim_xml_text(out, "spotPrice", print_price(q, text));
	sim_xml_time(out, "timestamp", q->wall_ms);
	sim_xml_text(out, "availabilityZone", q->zone);
	buf_puts(out, "</item>");
}

static int
read_time(struct sim_call *call, const char *name, int64_t *ret_ms)
{
	const char *text = sim_params_get(call->params, name);

	if (text != NULL && clock_parse(text, ret_ms) != 0)
		return sim_fail(&call->error, SIM_INVALID_PARAMETER_VALUE,
			"Invalid value '%.100s' for %s. It must be a valid ISO 8601 "
			"timestamp.",
			text, name);
	return 0;
}

/* What was said before the start counts if it was the last word then. */
static bool
is_within(const struct sim_prices *prices, size_t at, const struct span *span)
{
	const struct sim_quote *q = sim_prices_at(prices, at);

	if (q->wall_ms > span->end_ms)
		return false;
	if (q->wall_ms >= span->start_ms)
		return true;
	for (size_t n = at + 1; n < sim_prices_count(prices); n++) {
		const struct sim_quote *later = sim_prices_at(prices, n);

		if (later->wall_ms <= span->start_ms && sim_quote_is_like(later, q))
			return false;
	}
	return true;
}

static bool
is_asked_for(const struct sim_call *call, const struct sim_quote *q)
{
	const struct sim_params *p = call->params;
	const char *zone = sim_params_get(p, "AvailabilityZone");

	return sim_zone_is_of(q->zone, call->region) &&
		(zone == NULL || strcmp(zone, q->zone) == 0) &&
		sim_params_lists(p, "InstanceType", q->type) &&
		sim_params_lists(p, "ProductDescription", q->product);
}

static void
list_quotes(struct sim_listing *l, const struct span *span)
{
	const struct sim_prices *prices = l->call->prices;

	for (size_t n = sim_prices_count(prices); n-- > 0;) {
		const struct sim_quote *q = sim_prices_at(prices, n);

		/* Counted from the oldest, a number stays when newer ones come. */
		if (is_asked_for(l->call, q) && is_within(prices, n, span) &&
			!sim_listing_offer(l, UINT32_MAX - n, q))
			return;
	}
}

static int
describe_spot_price_history(struct sim_call *call)
{
	AUTO(sim_listing)
	struct sim_listing l = {.call = call,
		.rule = &pages,
		.set = "spotPriceHistorySet",
		.put = put_quote};
	struct span span = {INT64_MIN, INT64_MAX};

	if (read_time(call, "StartTime", &span.start_ms) != 0 ||
		read_time(call, "EndTime", &span.end_ms) != 0 ||
		sim_listing_begin(&l, filters) != 0 || sim_call_dry_run(call) != 0)
		return -1;
	if (l.page->max == SIZE_MAX)
		l.page->max = (size_t)pages.max;
	list_quotes(&l, &span);
	sim_listing_end(&l);
	if (l.page->last == 0) /* as EC2 ends this one listing */
		sim_xml_text(call->out, "nextToken", "");
	return 0;
}

static const struct sim_param_row history_params[] = {
	{.name = "InstanceType.N"},
	{.name = "ProductDescription.N"},
	{.name = "AvailabilityZone"},
	{.name = "StartTime"},
	{.name = "EndTime"},
	{.name = "filters", .type = SIM_PARAM_ROWS, .rows = sim_ec2_filter_params},
	{.name = "pages", .type = SIM_PARAM_ROWS, .rows = sim_ec2_page_params},
	{.name = NULL},
};

const struct sim_action sim_ec2_price_actions[] = {
	{
		.name = "DescribeSpotPriceHistory",
		.run = describe_spot_price_history,
		.params = history_params,
		.bucket = SIM_BUCKET_LOOKUP,
		.per_instance = SIM_BUCKET_COUNT,
	},
	{.name = NULL},
};
