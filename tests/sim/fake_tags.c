/* SPDX-License-Identifier: Apache-2.0 */
/* All that are named are tagged at once, or none if one of them is not there. */
#include "fake_tags.h"

#include "core/lease.h"
#include "ec2/verdict.h"
#include "fake_things.h"

#include <stdio.h>
#include <string.h>

static void
show_plain(struct ec2_call *c)
{
	c->done.plain(c->arg, &c->answer);
}

static bool
is_there(const struct fake_instance *i)
{
	return i != NULL && i->state != EC2_STATE_TERMINATED;
}

static void
put(struct fake_cloud *f, const struct strings *ids, const char *value)
{
	for (size_t n = 0; n < ids->count; n++) {
		struct fake_instance *i = fake_by_id(f, ids->items[n]);

		(void)snprintf(i->lease, sizeof(i->lease), "%s", value);
	}
}

struct ec2_call *
fake_tag(void *self, const struct strings *instances, const char *key,
	const char *value, ec2_done *done, void *arg)
{
	struct fake_cloud *f = self;
	struct ec2_call *c = fake_thing_call(f, NULL, show_plain, arg);

	c->done.plain = done;
	f->tags++;
	f->tagged = instances->count;
	if (f->deaf)
		return fake_answer_later(c, true);
	for (size_t n = 0; n < instances->count; n++) {
		if (is_there(fake_by_id(f, instances->items[n])))
			continue;
		fake_fail(c, VERDICT_MISSING, EC2_CLASS_NOT_VISIBLE, REASON_INTERNAL);
		return fake_answer_later(c, false);
	}
	if (f->thing_answer.times > 0) {
		f->thing_answer.times--;
		fake_fail(c, (enum verdict)f->thing_answer.verdict,
			(enum ec2_class)f->thing_answer.class,
			(enum err_reason)f->thing_answer.reason);
		return fake_answer_later(c, false);
	}
	if (strcmp(key, LEASE_TAG) == 0)
		put(f, instances, value);
	return fake_answer_later(c, false);
}
