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

void
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
	struct err err;

	for (size_t n = 0; n < COUNT_OF(r->refusals); n++) {
		struct fake_refusal *f = &r->refusals[n];

		if (f->times == 0 || !is_meant(f->type, a->type) ||
			!is_meant(f->subnet, a->subnet) ||
			!is_meant(f->zone, a->zone) || !is_meant(f->market, a->market))
			continue;
		f->times--;
		err_set(&err, ERR_SERVICE, "RunInstances: %s", f->code);
		err_origin(&err, f->code, "injected", "request-1");
		ec2_judge_class(EC2_RUN_INSTANCES, ec2_classify_code(f->code), &err,
			answer);
		return true;
	}
	return false;
}

const struct fake_asked *
fake_run_asked(const struct fake_runs *r, size_t n)
{
	return &r->asked[n % FAKE_ASKED_MAX];
}
