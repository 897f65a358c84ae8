/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Choosing an image, one look at each. Whether numbers decide is known only at the end, so
 * the last one by number and the last one by text are both kept.
 */
#include "core/image.h"

#include "base/buf.h"
#include "base/err.h"
#include "base/field.h"
#include "core/integer.h"
#include "ec2/query.h"
#include "sys/regex.h"

#include <string.h>

#define AVAILABLE "available"

struct candidate {
	const struct ec2_image *image; /* NULL: none yet */
	struct regex_group key;        /* the first group; "" where it took no part */
};

struct image_search {
	const struct regex *location;
	bool newest;
	bool numeric;               /* every key so far is an integer */
	struct candidate by_number; /* the last one while that is so */
	struct integer number;      /* its */
	struct candidate by_text;
	struct image_choice counts;
	struct err untried; /* why the first was passed over */
};

struct image_search *
image_search_new(const struct regex *location, bool newest)
{
	struct image_search *s = NEW(struct image_search);

	s->location = location;
	s->newest = newest;
	s->numeric = !newest && location != NULL && regex_groups(location) > 0;
	return s;
}

void
image_search_free(struct image_search *s)
{
	if (s == NULL)
		return;
	integer_fini(&s->number);
	free(s);
}

/* UTF-8 in the order of its bytes is in the order of its code points. */
static int
compare_keys(const struct regex_group *a, const struct regex_group *b)
{
	size_t len = a->len < b->len ? a->len : b->len;
	int order = memcmp(a->text, b->text, len);

	if (order != 0)
		return order;
	return (a->len > b->len) - (a->len < b->len);
}

static int
compare_text(const struct candidate *a, const struct candidate *b)
{
	int order = compare_keys(&a->key, &b->key);

	if (order == 0)
		order = strcmp(a->image->location, b->image->location);
	return order != 0 ? order : strcmp(a->image->id, b->image->id);
}

/* By what numbers do not decide. */
static int
compare(const struct image_search *s, const struct candidate *a,
	const struct candidate *b)
{
	int64_t x = a->image->created, y = b->image->created;

	if (s->newest && x != y)
		return x < y ? -1 : 1;
	return compare_text(a, b);
}

static void
consider_number(struct image_search *s, const struct candidate *c)
{
	AUTO(integer) struct integer number = {.negative = false};
	int order;

	s->numeric = integer_parse(c->key.text, c->key.len, &number);
	if (!s->numeric)
		return;
	order = integer_compare(&number, &s->number);
	if (s->by_number.image != NULL &&
		(order < 0 || (order == 0 && compare_text(c, &s->by_number) < 0)))
		return;
	s->by_number = *c;
	integer_fini(&s->number);
	s->number = number;
	number.digits = (struct buf){.data = NULL};
}

static void
consider(struct image_search *s, const struct candidate *c)
{
	s->counts.considered++;
	if (s->numeric)
		consider_number(s, c);
	if (s->by_text.image == NULL || compare(s, c, &s->by_text) >= 0)
		s->by_text = *c;
}

/* 1 with the key if the location fits, 0 if not, -1 if that cannot be known. */
static int
match(const struct image_search *s, const struct ec2_image *image,
	struct regex_group *ret_key, struct err *err)
{
	struct regex_group key = {.text = NULL};
	int rc = s->location == NULL
		? 1
		: regex_match(s->location, image->location, &key, err);

	if (rc < 0) {
		(void)err_wrap(err, "valid_ami_location_regex, on the image %s (%s)",
			image->id, image->location);
		err->code = ERR_CONFIG;
		err->reason = REASON_CONFIG;
		return -1;
	}
	if (key.text == NULL)
		key = (struct regex_group){"", 0};
	*ret_key = key;
	return rc;
}

/* One image that somebody gave a strange name is not to keep all others from being used. */
static int
pass_over(struct image_search *s, const struct err *why, struct err *err)
{
	if (s->counts.untried++ == 0)
		s->untried = *why;
	if (s->counts.untried <= IMAGE_UNTRIED_MAX)
		return 0;
	if (err != NULL)
		*err = *why;
	return err_wrap(err, "for more than %u images", IMAGE_UNTRIED_MAX);
}

int
image_search_look(struct image_search *s, const struct ec2_image *image,
	struct err *err)
{
	struct candidate c = {.image = image};
	struct err why;
	int rc;

	s->counts.seen++;
	if (!str_equal(image->state, AVAILABLE)) {
		s->counts.unavailable++;
		return 0;
	}
	if (image->location == NULL) {
		s->counts.unlocated++;
		return 0;
	}
	rc = match(s, image, &c.key, &why);
	if (rc < 0)
		return pass_over(s, &why, err);
	if (rc > 0)
		consider(s, &c);
	else
		s->counts.unmatched++;
	return 0;
}

static enum image_level
level_of(const struct image_search *s)
{
	if (s->newest)
		return IMAGE_BY_DATE;
	if (s->location == NULL || regex_groups(s->location) == 0)
		return IMAGE_BY_LOCATION;
	return s->numeric ? IMAGE_BY_NUMBER : IMAGE_BY_TEXT;
}

void
image_search_result(const struct image_search *s, struct image_choice *ret)
{
	*ret = s->counts;
	ret->level = level_of(s);
	ret->untried_why = s->counts.untried > 0 ? s->untried.text : NULL;
	ret->image = ret->level == IMAGE_BY_NUMBER ? s->by_number.image
						   : s->by_text.image;
}

void
image_choice_text(const struct image_choice *c, struct buf *out)
{
	static const char *const orders[IMAGE_LEVEL_COUNT] = {
		[IMAGE_BY_NUMBER] = "number (level 0)",
		[IMAGE_BY_TEXT] = "text (level 1)",
		[IMAGE_BY_LOCATION] = "location (level 2)",
		[IMAGE_BY_DATE] = "date of creation",
	};

	buf_printf(out, "image %s (%s): the last of %zu by %s, of %zu looked at",
		c->image->id, c->image->location, c->considered, orders[c->level],
		c->seen);
	if (c->untried > 0)
		buf_printf(out, "; %zu passed over: %s", c->untried, c->untried_why);
}

static void
add_dropped(struct buf *out, size_t count, const char *what)
{
	if (count == 0)
		return;
	buf_printf(out, "%s%zu %s", out->len > 0 ? ", " : "", count, what);
}

/* " of owners A, B"; nothing if anybody's were looked at. */
static void
add_owners(struct buf *out, const struct strings *owners)
{
	for (size_t i = 0; i < owners->count; i++)
		buf_printf(out, "%s%s",
			i > 0                       ? ", "
				: owners->count > 1 ? " of the owners "
						    : " of the owner ",
			owners->items[i]);
}

int
image_choice_none(const struct image_choice *c, const struct strings *owners,
	struct err *err)
{
	AUTO(buf) struct buf dropped = {0}, whose = {0};

	add_dropped(&dropped, c->unavailable, "not available");
	add_dropped(&dropped, c->unlocated, "without a location");
	add_dropped(&dropped, c->unmatched, "not matched by valid_ami_location_regex");
	add_dropped(&dropped, c->untried, "passed over: ");
	buf_puts(&dropped, c->untried > 0 ? c->untried_why : "");
	add_owners(&whose, owners);
	if (c->seen == 0)
		(void)err_set(err, ERR_CONFIG, "no image fits: EC2 shows none%s",
			buf_str(&whose));
	else
		(void)err_set(err, ERR_CONFIG, "no image fits: %zu looked at (%s)%s",
			c->seen, buf_str(&dropped), buf_str(&whose));
	err->reason = REASON_CONFIG;
	return -1;
}
