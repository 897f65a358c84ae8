/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What each scalar type accepts and how its member is kept: the setter, and the row that
 * names it. Nothing here knows of files, paths or other rows.
 */
#include "base/field.h"
#include "base/diag.h"
#include "base/err.h"
#include "base/field_type.h"
#include "base/node.h"

#include <ctype.h>
#include <math.h>
#include <string.h>
#include <strings.h>

static bool
is_text(const struct node *node)
{
	return node->kind == NODE_PLAIN || node->kind == NODE_STRING;
}

static bool
is_bare(const struct node *node, enum node_kind json)
{
	return node->kind == NODE_PLAIN || node->kind == json;
}

/* The row's own check, which sees the text. */
static int
check(const struct field *row, const struct node *node, struct err *err)
{
	return row->check != NULL ? row->check(node->text, err) : 0;
}

static int
out_of_bounds(const struct field *row, const char *verb, struct err *err)
{
	AUTO(buf) struct buf bounds = {.data = NULL};

	field_bounds(row, &bounds);
	return err_set(err, ERR_INVALID, "must %s %s", verb, buf_str(&bounds));
}

static int
check_bounds(const struct field *row, int64_t value, const char *verb, struct err *err)
{
	if ((field_has_min(row) && value < row->min) ||
		(field_has_max(row) && value > row->max))
		return out_of_bounds(row, verb, err);
	return 0;
}

/* As YAML 1.1 has them, but for the single letters. */
static bool
parse_bool(const char *text, bool *ret)
{
	static const char *const words[] = {"false", "true", "no", "yes", "off", "on"};

	for (size_t i = 0; i < COUNT_OF(words); i++)
		if (strcasecmp(text, words[i]) == 0) {
			*ret = i % 2 == 1;
			return true;
		}
	return false;
}

static int
set_bool(const struct field *row, const struct node *node, void *member,
	struct err *err)
{
	bool value;

	if (!is_bare(node, NODE_BOOL) || !parse_bool(node->text, &value))
		return field_expected(row, node, err);
	if (check(row, node, err) < 0)
		return -1;
	*(bool *)member = value;
	return 0;
}

static bool
equal_bool(const struct field *row, const void *a, const void *b)
{
	(void)row;
	return *(const bool *)a == *(const bool *)b;
}

const struct field_ops field_bool = {
	.size = sizeof(bool),
	.set = set_bool,
	.equal = equal_bool,
};

static int
set_optbool(const struct field *row, const struct node *node, void *member,
	struct err *err)
{
	bool value = false;

	if (set_bool(row, node, &value, err) < 0)
		return -1;
	*(int *)member = value ? 1 : 0;
	return 0;
}

static void
absent_choice(const struct field *row, void *member)
{
	(void)row;
	*(int *)member = -1;
}

static bool
equal_choice(const struct field *row, const void *a, const void *b)
{
	(void)row;
	return *(const int *)a == *(const int *)b;
}

const struct field_ops field_optbool = {
	.size = sizeof(int),
	.set = set_optbool,
	.absent = absent_choice,
	.equal = equal_choice,
};

/* No fraction, no exponent, and no leading zero, which some readers take for octal. */
static bool
is_whole(const char *text)
{
	const char *digits = text + (*text == '-' ? 1 : 0);
	size_t len = strspn(digits, "0123456789");

	return len > 0 && digits[len] == '\0' && (len == 1 || digits[0] != '0');
}

/* Leaves FIELD_NULL out of the range. */
static bool
parse_whole(const char *text, int64_t *ret)
{
	bool negative = *text == '-';
	int64_t value = 0;

	for (text += negative ? 1 : 0; *text != '\0'; text++)
		if (__builtin_mul_overflow(value, 10, &value) ||
			__builtin_add_overflow(value, *text - '0', &value))
			return false;
	*ret = negative ? -value : value;
	return true;
}

static int
set_int(const struct field *row, const struct node *node, void *member, struct err *err)
{
	int64_t value;

	if (!is_bare(node, NODE_NUMBER) || !is_whole(node->text))
		return field_expected(row, node, err);
	if (!parse_whole(node->text, &value))
		return field_has_min(row) || field_has_max(row)
			? out_of_bounds(row, "be", err)
			: err_set(err, ERR_INVALID, "is too large a number");
	if (check_bounds(row, value, "be", err) < 0 || check(row, node, err) < 0)
		return -1;
	*(int64_t *)member = value;
	return 0;
}

static void
absent_int(const struct field *row, void *member)
{
	(void)row;
	*(int64_t *)member = FIELD_NULL;
}

static bool
equal_int(const struct field *row, const void *a, const void *b)
{
	(void)row;
	return *(const int64_t *)a == *(const int64_t *)b;
}

const struct field_ops field_int = {
	.size = sizeof(int64_t),
	.set = set_int,
	.absent = absent_int,
	.equal = equal_int,
};

static const char *
skip_digits(const char *p)
{
	return p + strspn(p, "0123456789");
}

/* The grammar of JSON's numbers, leading zeros apart; strtod alone takes far more. */
static bool
is_number(const char *text)
{
	const char *p = text + (*text == '-' ? 1 : 0), *start = p;

	p = skip_digits(p);
	if (p == start)
		return false;
	if (*p == '.') {
		start = ++p;
		p = skip_digits(p);
		if (p == start)
			return false;
	}
	if (*p == 'e' || *p == 'E') {
		p += p[1] == '+' || p[1] == '-' ? 2 : 1;
		start = p;
		p = skip_digits(p);
		if (p == start)
			return false;
	}
	return *p == '\0';
}

static int
set_number(const struct field *row, const struct node *node, void *member,
	struct err *err)
{
	double value;

	if (!is_bare(node, NODE_NUMBER) || !is_number(node->text))
		return field_expected(row, node, err);
	value = strtod(node->text, NULL);
	if (!isfinite(value))
		return err_set(err, ERR_INVALID, "is too large a number");
	if (((row->flags & FIELD_POSITIVE) != 0 && value <= 0) ||
		(field_has_min(row) && value < (double)row->min) ||
		(field_has_max(row) && value > (double)row->max))
		return out_of_bounds(row, "be", err);
	if (check(row, node, err) < 0)
		return -1;
	*(double *)member = value;
	return 0;
}

static void
absent_number(const struct field *row, void *member)
{
	(void)row;
	*(double *)member = (double)NAN;
}

static bool
equal_number(const struct field *row, const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	(void)row;
	return (isnan(x) && isnan(y)) || (x <= y && x >= y);
}

const struct field_ops field_number = {
	.size = sizeof(double),
	.set = set_number,
	.absent = absent_number,
	.equal = equal_number,
};

static int
check_duration(const struct field *row, int64_t ms, struct err *err)
{
	if (ms >= 0)
		return check_bounds(row, ms, "be", err);
	/* A negative one means something of its own, so the bounds do not hold for it. */
	if ((row->flags & FIELD_NEGATIVE) == 0)
		return err_set(err, ERR_INVALID, "must not be negative");
	return 0;
}

static int
set_duration(const struct field *row, const struct node *node, void *member,
	struct err *err)
{
	int64_t ms;

	if (!is_text(node) && node->kind != NODE_NUMBER)
		return field_expected(row, node, err);
	if (field_parse_duration(node->text, &ms) < 0)
		return field_expected(row, node, err);
	if (check_duration(row, ms, err) < 0 || check(row, node, err) < 0)
		return -1;
	*(int64_t *)member = ms;
	return 0;
}

const struct field_ops field_duration = {
	.size = sizeof(int64_t),
	.set = set_duration,
	.absent = absent_int,
	.equal = equal_int,
};

/* For strings and secrets. */
static int
check_string(const struct field *row, const struct node *node, struct err *err)
{
	if (!is_text(node))
		return field_expected(row, node, err);
	if ((row->flags & FIELD_NONEMPTY) != 0 && node->text[0] == '\0')
		return err_set(err, ERR_INVALID, "must not be empty");
	if (check_bounds(row, (int64_t)strlen(node->text), "have", err) < 0)
		return -1;
	return check(row, node, err);
}

static int
set_string(const struct field *row, const struct node *node, void *member,
	struct err *err)
{
	char **s = member;

	if (check_string(row, node, err) < 0)
		return -1;
	free(*s);
	*s = xstrdup(node->text);
	return 0;
}

static void
fini_string(const struct field *row, void *member)
{
	(void)row;
	free(*(char **)member);
}

static bool
equal_string(const struct field *row, const void *a, const void *b)
{
	(void)row;
	return str_equal(*(const char *const *)a, *(const char *const *)b);
}

const struct field_ops field_string = {
	.size = sizeof(char *),
	.set = set_string,
	.fini = fini_string,
	.equal = equal_string,
};

static int
set_secret(const struct field *row, const struct node *node, void *member,
	struct err *err)
{
	if (check_string(row, node, err) < 0)
		return -1;
	secret_set(member, node->text);
	return 0;
}

static void
fini_secret(const struct field *row, void *member)
{
	(void)row;
	secret_fini(member);
}

static bool
equal_secret(const struct field *row, const void *a, const void *b)
{
	const struct secret *x = a, *y = b;

	(void)row;
	return str_equal(x->text, y->text);
}

const struct field_ops field_secret = {
	.size = sizeof(struct secret),
	.set = set_secret,
	.fini = fini_secret,
	.equal = equal_secret,
};

static int
set_enum(const struct field *row, const struct node *node, void *member,
	struct err *err)
{
	const char *near;

	if (!is_text(node))
		return field_expected(row, node, err);
	for (int i = 0; row->choices[i] != NULL; i++)
		if (strcmp(row->choices[i], node->text) == 0) {
			if (check(row, node, err) < 0)
				return -1;
			*(int *)member = i;
			return 0;
		}
	(void)field_expected(row, node, err);
	near = diag_suggest(node->text, row->choices);
	if (near != NULL)
		(void)err_set(err, ERR_INVALID, "%s; did you mean '%s'?", err->text,
			near);
	return -1;
}

const struct field_ops field_enum = {
	.size = sizeof(int),
	.set = set_enum,
	.absent = absent_choice,
	.equal = equal_choice,
};
