/* SPDX-License-Identifier: Apache-2.0 */
/* Decoding, lookup, and the check of a request against the rows of its action. */
#include "sim/params.h"

#include "base/buf.h"
#include "base/mem.h"
#include "base/utf8.h"
#include "sim/error.h"
#include "sys/crypto.h"

#include <ctype.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static int
hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

/* Decodes in[0..len) to *out and moves *out behind its NUL. -1: bad escape or a NUL byte. */
static int
decode(const char *in, size_t len, char **out)
{
	char *p = *out;

	for (size_t i = 0; i < len; i++) {
		char c = in[i] == '+' ? ' ' : in[i];

		if (c == '%') {
			if (len - i < 3 || hex_digit(in[i + 1]) < 0 ||
				hex_digit(in[i + 2]) < 0)
				return -1;
			c = (char)(hex_digit(in[i + 1]) * 16 + hex_digit(in[i + 2]));
			i += 2;
		}
		if (c == '\0')
			return -1;
		*p++ = c;
	}
	*p++ = '\0';
	*out = p;
	return 0;
}

static int
parse_item(const char *text, size_t len, char **to, struct sim_param *ret)
{
	const char *eq = memchr(text, '=', len);
	size_t name_len = eq != NULL ? (size_t)(eq - text) : len;

	ret->name = *to;
	if (decode(text, name_len, to) != 0)
		return -1;
	ret->value = *to;
	return eq != NULL ? decode(eq + 1, len - name_len - 1, to) : decode("", 0, to);
}

static int
by_name(const void *a, const void *b)
{
	const struct sim_param *x = a;
	const struct sim_param *y = b;

	return strcmp(x->name, y->name);
}

static int
check_text(const struct sim_params *p, struct sim_error *error)
{
	for (size_t i = 0; i < p->count; i++) {
		const struct sim_param *item = &p->items[i];

		if (strlen(item->name) > SIM_PARAM_NAME_MAX)
			return sim_fail(error, SIM_MALFORMED_QUERY_STRING,
				"A parameter name is too long");
		if (!utf8_valid(item->name, strlen(item->name)) ||
			!utf8_valid(item->value, strlen(item->value)))
			return sim_fail(error, SIM_INVALID_CHARACTER,
				"A specified string parameter contains an invalid character");
		if (i > 0 && strcmp(p->items[i - 1].name, item->name) == 0)
			return sim_fail(error, SIM_MALFORMED_QUERY_STRING,
				"The parameter '%s' is given twice", item->name);
	}
	return 0;
}

static size_t
count_items(const char *text, size_t len)
{
	size_t count = 1;

	for (size_t i = 0; i < len; i++)
		count += text[i] == '&';
	return count;
}

static int
split(const char *text, size_t len, struct sim_params *p, struct sim_error *error)
{
	char *to = p->text;

	while (len > 0) {
		const char *amp = memchr(text, '&', len);
		size_t item_len = amp != NULL ? (size_t)(amp - text) : len;

		if (item_len > 0 &&
			parse_item(text, item_len, &to, &p->items[p->count++]) != 0)
			return sim_fail(error, SIM_MALFORMED_QUERY_STRING,
				"The query string contains a syntax error");
		text += item_len;
		len -= item_len;
		if (amp != NULL) {
			text++;
			len--;
		}
	}
	return 0;
}

int
sim_params_parse(const char *text, size_t len, struct sim_params *ret_params,
	struct sim_error *error)
{
	AUTO(sim_params) struct sim_params p = {0};
	size_t max = count_items(text, len);

	if (max > SIM_PARAMS_MAX)
		return sim_fail(error, SIM_MALFORMED_QUERY_STRING,
			"Too many parameters");
	/* Each item needs two NULs where it had '=' and '&', or neither. */
	p.text = xmalloc(len + 2 * max);
	p.items = xcalloc(max, sizeof(*p.items));
	if (split(text, len, &p, error) != 0)
		return -1;
	qsort(p.items, p.count, sizeof(*p.items), by_name);
	if (check_text(&p, error) != 0)
		return -1;
	*ret_params = p;
	p = (struct sim_params){0};
	return 0;
}

void
sim_params_fini(struct sim_params *p)
{
	free(p->text);
	free(p->items);
	*p = (struct sim_params){0};
}

/* The first item whose name is not below name. */
static size_t
lower_bound(const struct sim_params *p, const char *name)
{
	size_t low = 0;
	size_t high = p->count;

	while (low < high) {
		size_t mid = low + (high - low) / 2;

		if (strcmp(p->items[mid].name, name) < 0)
			low = mid + 1;
		else
			high = mid;
	}
	return low;
}

const char *
sim_params_get(const struct sim_params *p, const char *name)
{
	size_t i = lower_bound(p, name);

	return i < p->count && strcmp(p->items[i].name, name) == 0 ? p->items[i].value
								   : NULL;
}

const char *
sim_params_getf(const struct sim_params *p, const char *fmt, ...)
{
	char name[SIM_PARAM_NAME_MAX + 1];
	va_list ap;

	va_start(ap, fmt);
	(void)vsnprintf(name, sizeof(name), fmt, ap);
	va_end(ap);
	return sim_params_get(p, name);
}

bool
sim_params_under(const struct sim_params *p, const char *prefix)
{
	size_t i = lower_bound(p, prefix);

	return i < p->count && strncmp(p->items[i].name, prefix, strlen(prefix)) == 0;
}

bool
sim_params_lists(const struct sim_params *p, const char *list, const char *value)
{
	const char *item = sim_params_getf(p, "%s.1", list);

	if (item == NULL)
		return true;
	for (size_t n = 1; item != NULL; item = sim_params_getf(p, "%s.%zu", list, ++n))
		if (strcmp(item, value) == 0)
			return true;
	return false;
}

bool
sim_params_true(const struct sim_params *p, const char *name)
{
	const char *value = sim_params_get(p, name);

	return value != NULL && strcmp(value, "true") == 0;
}

int64_t
sim_params_int(const struct sim_params *p, const char *name, int64_t absent)
{
	const char *value = sim_params_get(p, name);

	return value != NULL ? strtoll(value, NULL, 10) : absent;
}

/* "Filter.12.Value.3" to "Filter.N.Value.N". -1: a number that is 0 or written oddly. */
static int
generic_name(const char *name, char *out)
{
	while (*name != '\0') {
		size_t len = strcspn(name, ".");
		size_t digits = strspn(name, "0123456789");

		if (len > 0 && digits == len) {
			if (name[0] == '0' || len > 6)
				return -1;
			*out++ = 'N';
		} else {
			memcpy(out, name, len);
			out += len;
		}
		name += len;
		if (*name == '.')
			*out++ = *name++;
	}
	*out = '\0';
	return 0;
}

static bool
row_takes(const struct sim_param_row *row, const char *generic)
{
	if (row->name[0] != generic[0]) /* most rows; a table has up to seventy */
		return false;
	if (row->type == SIM_PARAM_ANY)
		return strncmp(row->name, generic, strlen(row->name) - 1) == 0;
	return strcmp(row->name, generic) == 0;
}

static const struct sim_param_row *
find_row(const struct sim_param_row *rows, const char *generic)
{
	for (; rows->name != NULL; rows++) {
		const struct sim_param_row *row = rows;

		if (row->type == SIM_PARAM_ROWS)
			row = find_row(row->rows, generic);
		else if (!row_takes(row, generic))
			row = NULL;
		if (row != NULL)
			return row;
	}
	return NULL;
}

static bool
is_int(const char *text, int64_t min, int64_t max)
{
	char *end;
	long long value;

	errno = 0;
	value = strtoll(text, &end, 10);
	if (end == text || *end != '\0' || errno != 0 ||
		isspace((unsigned char)text[0]))
		return false;
	return (min == 0 && max == 0) || (value >= min && value <= max);
}

static bool
is_number(const char *text)
{
	char *end;

	return isdigit((unsigned char)text[0]) &&
		strspn(text, "0123456789.") == strlen(text) && strtod(text, &end) > 0 &&
		*end == '\0';
}

static bool
is_choice(const char *text, const char *const *choices)
{
	for (; *choices != NULL; choices++)
		if (strcmp(text, *choices) == 0)
			return true;
	return false;
}

static bool
fits(const struct sim_param_row *row, const char *value)
{
	switch (row->type) {
	case SIM_PARAM_STRING:
		return row->max == 0 || (int64_t)strlen(value) <= row->max;
	case SIM_PARAM_INT: return is_int(value, row->min, row->max);
	case SIM_PARAM_NUMBER: return is_number(value);
	case SIM_PARAM_BOOL:
		return strcmp(value, "true") == 0 || strcmp(value, "false") == 0;
	case SIM_PARAM_CHOICE: return is_choice(value, row->choices);
	case SIM_PARAM_ANY:
	case SIM_PARAM_ROWS: return true;
	}
	return false;
}

/* A list's item k > 1 needs an item k - 1, whatever members it has. */
static bool
has_gap(const struct sim_params *p, const char *name)
{
	for (const char *part = name; part != NULL; part = strchr(part, '.')) {
		char before[SIM_PARAM_NAME_MAX + 2];
		size_t len;
		int n;

		part += *part == '.';
		len = strcspn(part, ".");
		if (strspn(part, "0123456789") != len || len == 0 ||
			strtol(part, NULL, 10) == 1)
			continue;
		n = snprintf(before, sizeof(before), "%.*s%ld", (int)(part - name),
			name, strtol(part, NULL, 10) - 1);
		if (sim_params_get(p, before) != NULL)
			continue;
		before[n] = '.';
		before[n + 1] = '\0';
		if (!sim_params_under(p, before))
			return true;
	}
	return false;
}

static int
check_item(const struct sim_params *p, const struct sim_param *item,
	const struct sim_param_row *rows, const struct sim_param_row *common,
	struct sim_error *error)
{
	char generic[SIM_PARAM_NAME_MAX + 1];
	const struct sim_param_row *row = NULL;

	if (generic_name(item->name, generic) == 0) {
		row = find_row(rows, generic);
		if (row == NULL && common != NULL)
			row = find_row(common, generic);
	}
	if (row == NULL)
		return sim_fail(error, SIM_UNKNOWN_PARAMETER,
			"The parameter %s is not recognized", item->name);
	if (has_gap(p, item->name))
		return sim_fail(error, SIM_MALFORMED_QUERY_STRING,
			"The list of %s has a gap: items count from 1", item->name);
	if (!fits(row, item->value))
		return sim_fail(error, SIM_INVALID_PARAMETER_VALUE,
			"Value (%.128s) for parameter %s is invalid.", item->value,
			item->name);
	return 0;
}

static int
check_required(const struct sim_params *p, const struct sim_param_row *row,
	struct sim_error *error)
{
	char name[SIM_PARAM_NAME_MAX + 1];
	char *n;

	(void)snprintf(name, sizeof(name), "%s", row->name);
	while ((n = strstr(name, ".N")) != NULL)
		n[1] = '1';
	if (sim_params_get(p, name) != NULL)
		return 0;
	n = strstr(name, ".1");
	if (n != NULL)
		*n = '\0';
	return sim_fail(error, SIM_MISSING_PARAMETER,
		"The request must contain the parameter %s", name);
}

static int
check_all_required(const struct sim_params *p, const struct sim_param_row *rows,
	struct sim_error *error)
{
	for (const struct sim_param_row *row = rows; row->name != NULL; row++) {
		if (row->required && check_required(p, row, error) != 0)
			return -1;
		if (row->type == SIM_PARAM_ROWS &&
			check_all_required(p, row->rows, error) != 0)
			return -1;
	}
	return 0;
}

int
sim_params_check(const struct sim_params *p, const struct sim_param_row *rows,
	const struct sim_param_row *common, struct sim_error *error)
{
	for (size_t i = 0; i < p->count; i++)
		if (check_item(p, &p->items[i], rows, common, error) != 0)
			return -1;
	return check_all_required(p, rows, error);
}

void
sim_params_digest(const struct sim_params *p, char hex[static 65])
{
	static const char *const beside[] = {"Action", "Version", "DryRun", NULL};
	AUTO(buf) struct buf b = {0};

	for (size_t i = 0; i < p->count; i++) {
		if (is_choice(p->items[i].name, beside))
			continue;
		/* The NULs keep "ab=c" and "a=bc" apart. */
		buf_add(&b, p->items[i].name, strlen(p->items[i].name) + 1);
		buf_add(&b, p->items[i].value, strlen(p->items[i].value) + 1);
	}
	crypto_sha256_hex(buf_str(&b), b.len, hex);
}
