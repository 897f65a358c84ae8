/* SPDX-License-Identifier: Apache-2.0 */
/* Tokens of pages, given out and read back. */
#include "sim/page.h"

#include "base/buf.h"
#include "base/clock.h"
#include "base/mem.h"
#include "sim/action.h"
#include "sim/params.h"
#include "sim/scenario.h"
#include "sim/xmlout.h"
#include "sys/crypto.h"

#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

/* Its check sum makes a token that nobody gave out unlikely to pass. */
static void
token_sum(uint64_t after, int64_t at_ms, char sum[static CRYPTO_HEX_SIZE])
{
	char text[64];
	int len = snprintf(text, sizeof(text), "ec2sim page %" PRIu64 " %" PRId64,
		after, at_ms);

	crypto_sha256_hex(text, (size_t)len, sum);
	sum[16] = '\0';
}

void
sim_page_put(const struct sim_page *page, struct buf *out)
{
	AUTO(buf) struct buf token = {0};
	AUTO(buf) struct buf text = {0};
	char sum[CRYPTO_HEX_SIZE];
	int64_t now = clock_wall_ms();

	if (page->last == 0)
		return;
	token_sum(page->last, now, sum);
	buf_printf(&text, "%" PRIu64 " %" PRId64 " %s", page->last, now, sum);
	crypto_base64(buf_str(&text), text.len, &token);
	sim_xml_text(out, "nextToken", buf_str(&token));
}

static int
read_token(struct sim_call *call, const char *token, uint64_t *ret_after)
{
	AUTO(buf) struct buf text = {0};
	char sum[CRYPTO_HEX_SIZE];
	char sent[17] = "";
	int64_t at_ms = 0;
	int64_t age_ms;

	if (crypto_base64_decode(token, strlen(token), &text) != 0 ||
		/* analyze: cert-err34-c: what does not fit has not this sum */
		sscanf(buf_str(&text), "%" SCNu64 " %" SCNd64 " %16s", ret_after,
			&at_ms, sent) != 3)
		return sim_fail(&call->error, SIM_INVALID_PAGINATION_TOKEN,
			"The specified token is not valid");
	token_sum(*ret_after, at_ms, sum);
	age_ms = clock_wall_ms() - at_ms;
	if (strcmp(sum, sent) != 0 || age_ms > call->scenario->page_token_life)
		return sim_fail(&call->error, SIM_INVALID_PAGINATION_TOKEN,
			"The specified token is not valid or has expired");
	return 0;
}

int
sim_page_read(struct sim_call *call, const struct sim_page_rule *rule,
	struct sim_page *ret_page)
{
	const char *token = sim_params_get(call->params, "NextToken");
	int64_t max = sim_params_int(call->params, "MaxResults", 0);
	bool sized = sim_params_get(call->params, "MaxResults") != NULL;
	bool ids = rule->ids != NULL && sim_params_get(call->params, rule->ids) != NULL;

	*ret_page = (struct sim_page){.max = SIZE_MAX};
	if (ids && sized)
		return sim_fail(&call->error, SIM_INVALID_PARAMETER_COMBINATION,
			"The parameter %s cannot be used with the parameter maxResults",
			rule->name);
	if (sized && (max < rule->min || max > rule->max))
		return sim_fail(&call->error, SIM_INVALID_PARAMETER_VALUE,
			"Value ( %" PRId64
			" ) for parameter maxResults is invalid. Expecting a value "
			"between %" PRId64 " and %" PRId64 ".",
			max, rule->min, rule->max);
	if (sized)
		ret_page->max = (size_t)max;
	if (token == NULL || token[0] == '\0')
		return 0;
	if (!sized)
		ret_page->max = (size_t)rule->max;
	return read_token(call, token, &ret_page->after);
}
