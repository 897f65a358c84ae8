/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Findings of the preflight, at their places in the file. Before the last pass nothing is
 * told: what is asked then may change it.
 */
#include "core/preflight_priv.h"

#include "base/buf.h"
#include "base/diag.h"
#include "base/mem.h"
#include "conf/conf.h"
#include "conf/conf_places.h"
#include "core/preflight.h"

#include <stdarg.h>

/* The level in the file's list, and what it means for the result. */
static int
weigh(struct preflight_file *f, enum preflight_level level)
{
	f->result->faults += level == TELL_FAULT;
	f->result->unanswered += level == TELL_UNANSWERED;
	return level == TELL_WARNING ? DIAG_WARNING : DIAG_ERROR;
}

void
preflight_tell(struct preflight_row *r, enum preflight_level level, const char *key,
	int item, const char *fmt, ...)
{
	AUTO(buf) struct buf text = {.data = NULL};
	va_list ap;

	if (!r->file->telling)
		return;
	va_start(ap, fmt);
	buf_vprintf(&text, fmt, ap);
	va_end(ap);
	conf_places_tell(r->file->problems, &(struct conf_place){r->row, key, item},
		weigh(r->file, level), "%s", buf_str(&text));
}

/* At a key that the row has itself, or else at one of the section aws. */
static void
tell_either(struct preflight_row *r, enum preflight_level level, const char *own,
	const char *pool, const struct buf *text)
{
	int weight = weigh(r->file, level);

	if (own != NULL)
		conf_places_tell(r->file->problems,
			&(struct conf_place){r->row, own, 0}, weight, "%s",
			buf_str(text));
	else
		conf_places_tell_aws(r->file->problems, weight, pool, "%s",
			buf_str(text));
}

/* The key of the section that says most of where the credentials are from. */
static const char *
credentials_key(const struct conf_aws *aws)
{
	if (aws->role_arn != NULL)
		return "role_arn";
	return aws->identifier == NULL && aws->profile != NULL ? "profile"
							       : "identifier";
}

void
preflight_tell_credentials(struct preflight_row *r, enum preflight_level level,
	const char *fmt, ...)
{
	AUTO(buf) struct buf text = {.data = NULL};
	va_list ap;

	if (!r->file->telling)
		return;
	va_start(ap, fmt);
	buf_vprintf(&text, fmt, ap);
	va_end(ap);
	tell_either(r, level, r->worker->identifier != NULL ? "identifier" : NULL,
		credentials_key(&r->file->conf->aws), &text);
}

void
preflight_tell_region(struct preflight_row *r, enum preflight_level level,
	const char *fmt, ...)
{
	bool own = !str_equal(r->worker->region, r->file->conf->aws.region);
	AUTO(buf) struct buf text = {.data = NULL};
	va_list ap;

	if (!r->file->telling)
		return;
	va_start(ap, fmt);
	buf_vprintf(&text, fmt, ap);
	va_end(ap);
	tell_either(r, level, own ? "region" : NULL, "region", &text);
}

bool
preflight_has(const struct preflight_row *r, const char *key)
{
	return conf_places_has(r->file->problems, r->row, key);
}

const char *
preflight_pool(const struct preflight_row *r)
{
	return r->file->conf->pool;
}
