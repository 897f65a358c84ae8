/* SPDX-License-Identifier: Apache-2.0 */
#include "fake_run.h"

#include "base/err.h"
#include "base/mem.h"
#include "ec2/client.h"
#include "ec2/verdict.h"

#include <stdio.h>
#include <string.h>

/* The value of a form parameter that is known to need no decoding, or "". */
static void
param(const char *body, const char *name, char *out, size_t size)
{
	size_t len = strlen(name);

	out[0] = '\0';
	for (const char *at = body; at != NULL; at = strchr(at, '&')) {
		at += *at == '&';
		if (strncmp(at, name, len) != 0 || at[len] != '=')
			continue;
		at += len + 1;
		(void)snprintf(out, size, "%.*s", (int)strcspn(at, "&"), at);
		return;
	}
}

static bool
is_same(const struct fake_asked *a, const struct fake_asked *b)
{
	return strcmp(a->worker, b->worker) == 0 && strcmp(a->type, b->type) == 0 &&
		strcmp(a->subnet, b->subnet) == 0 && strcmp(a->zone, b->zone) == 0 &&
		strcmp(a->image, b->image) == 0 && strcmp(a->market, b->market) == 0 &&
		strcmp(a->price, b->price) == 0;
}

/* In another zone the token would start a second instance. */
static bool
is_consistent(const struct fake_runs *r, const struct fake_asked *fresh)
{
	size_t first = r->count > FAKE_ASKED_MAX ? r->count - FAKE_ASKED_MAX : 0;

	for (size_t n = first; n < r->count; n++) {
		const struct fake_asked *a = fake_run_asked(r, n);

		if (strcmp(a->token, fresh->token) == 0 && !is_same(a, fresh))
			return false;
	}
	return true;
}

bool
fake_run_is_known(const struct fake_runs *r, const char *token)
{
	size_t first = r->count > FAKE_ASKED_MAX ? r->count - FAKE_ASKED_MAX : 0;

	for (size_t n = first; n < r->count; n++)
		if (strcmp(fake_run_asked(r, n)->token, token) == 0)
			return true;
	return false;
}

bool
fake_run_note(struct fake_runs *r, const char *body)
{
	struct fake_asked *a = &r->asked[r->count++ % FAKE_ASKED_MAX];

	param(body, "ClientToken", a->token, sizeof(a->token));
	param(body, "TagSpecification.1.Tag.2.Value", a->worker, sizeof(a->worker));
	param(body, "InstanceType", a->type, sizeof(a->type));
	param(body, "SubnetId", a->subnet, sizeof(a->subnet));
	param(body, "Placement.AvailabilityZone", a->zone, sizeof(a->zone));
	param(body, "ImageId", a->image, sizeof(a->image));
	param(body, "InstanceMarketOptions.MarketType", a->market, sizeof(a->market));
	param(body, "InstanceMarketOptions.SpotOptions.MaxPrice", a->price,
		sizeof(a->price));
	if (a->market[0] == '\0')
		(void)snprintf(a->market, sizeof(a->market), "on-demand");
	return is_consistent(r, a);
}

void
fake_run_refuse(const char *code, struct ec2_answer *answer)
{
	struct err err;

	err_set(&err, ERR_SERVICE, "RunInstances: %s", code);
	err_origin(&err, code, "injected", "request-1");
	ec2_judge_class(EC2_RUN_INSTANCES, ec2_classify_code(code), &err, answer);
}

static bool
is_meant(const char *what, const char *asked)
{
	return what == NULL || strcmp(what, asked) == 0;
}

bool
fake_run_refused(struct fake_runs *r, struct ec2_answer *answer)
{
	const struct fake_asked *a = fake_run_asked(r, r->count - 1);

	for (size_t n = 0; n < COUNT_OF(r->refusals); n++) {
		struct fake_refusal *f = &r->refusals[n];

		if (f->times == 0 || !is_meant(f->type, a->type) ||
			!is_meant(f->subnet, a->subnet) ||
			!is_meant(f->zone, a->zone) || !is_meant(f->market, a->market))
			continue;
		f->times--;
		fake_run_refuse(f->code, answer);
		return true;
	}
	return false;
}

const struct fake_asked *
fake_run_asked(const struct fake_runs *r, size_t n)
{
	return &r->asked[n % FAKE_ASKED_MAX];
}
