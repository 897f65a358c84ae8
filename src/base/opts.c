/* SPDX-License-Identifier: Apache-2.0 */
/*
 * getopt_long's habits without its globals: --name VALUE, --name=VALUE, -nVALUE, -n VALUE,
 * several letters behind one dash; options and words in any order.
 */
#include "base/opts.h"
#include "base/buf.h"
#include "base/diag.h"
#include "base/err.h"
#include "base/field.h"
#include "base/mem.h"

#include <string.h>

#define HELP_WIDTH 79
#define HELP_COLUMN 26

bool
opts_takes_value(const struct field *row)
{
	return row->type != FIELD_BOOL && row->example != NULL;
}

int
opts_set(void *arg, const struct field *row, const char *text, struct err *err)
{
	if (text != NULL)
		return field_set(row, arg, text, err);
	if (row->type == FIELD_BOOL)
		return field_set(row, arg, "true", err);
	++*(int64_t *)(void *)((char *)arg + row->offset);
	return 0;
}

char *
opts_name(const struct field *row)
{
	char *text = xstrdup(row->name);

	for (char *p = text; *p != '\0'; p++)
		if (*p == '_')
			*p = '-';
	return text;
}

bool
opts_has(const struct opts *set, const struct field *row)
{
	const char *const *word = set->words;

	for (; word != NULL && *word != NULL; word++)
		if (strcmp(*word, row->name) == 0)
			return false;
	return true;
}

static bool
is_name(const struct field *row, const char *name, size_t len)
{
	AUTO(free) char *text = opts_name(row);

	return strlen(text) == len && memcmp(text, name, len) == 0;
}

/* An option as it was found in one of the sets. */
struct found {
	const struct opts *set;
	const struct field *row; /* NULL: in none */
	const char *shown;       /* "--config" or "-c", for messages */
};

static struct found
find_name(const struct opts *const *sets, const char *name, size_t len)
{
	for (; *sets != NULL; sets++)
		for (const struct field *row = (*sets)->table->rows; row->name != NULL;
			row++)
			if (is_name(row, name, len) && opts_has(*sets, row))
				return (struct found){.set = *sets, .row = row};
	return (struct found){.row = NULL};
}

static struct found
find_letter(const struct opts *const *sets, char letter)
{
	for (; *sets != NULL; sets++) {
		const struct opt_letter *l = (*sets)->letters;

		for (; l != NULL && l->letter != 0; l++)
			if (l->letter == letter)
				return (struct found){.set = *sets,
					.row = field_find((*sets)->table, l->name)};
	}
	return (struct found){.row = NULL};
}

static void
add_names(const struct opts *set, struct strings *names)
{
	for (const struct field *row = set->table->rows; row->name != NULL; row++) {
		AUTO(free) char *text = opts_name(row);

		if (opts_has(set, row))
			strings_add(names, text);
	}
}

static int
unknown_name(const struct opts *const *sets, const char *shown, struct err *err)
{
	struct strings names = {.items = NULL};
	const char *near = NULL;

	for (; *sets != NULL; sets++)
		add_names(*sets, &names);
	if (names.count > 0)
		near = diag_suggest(shown + 2, (const char *const *)names.items);
	err_set(err, ERR_INVALID, "%s: unknown option%s%s%s", shown,
		near != NULL ? "; did you mean --" : "", near != NULL ? near : "",
		near != NULL ? "?" : "");
	strings_fini(&names);
	return -1;
}

static int
apply(const struct found *found, const char *value, struct err *err)
{
	const struct opts *set = found->set;

	if (opts_takes_value(found->row) && value == NULL)
		return err_set(err, ERR_INVALID, "%s needs a value: %s", found->shown,
			found->row->example);
	if (set->fn(set->arg, found->row, value, err) != 0)
		return err_wrap(err, "%s", found->shown);
	return 0;
}

/* argv[*index] is "--name" or "--name=value". */
static int
long_option(const struct opts *const *sets, char *const *argv, int *index,
	struct err *err)
{
	const char *name = argv[*index] + 2;
	size_t len = strcspn(name, "=");
	const char *value = name[len] == '=' ? name + len + 1 : NULL;
	AUTO(free) char *shown = xstrndup(argv[(*index)++], len + 2);
	struct found found = find_name(sets, name, len);

	if (found.row == NULL)
		return unknown_name(sets, shown, err);
	found.shown = shown;
	if (value != NULL && !opts_takes_value(found.row))
		return err_set(err, ERR_INVALID, "%s takes no value", shown);
	if (value == NULL && opts_takes_value(found.row) && argv[*index] != NULL)
		value = argv[(*index)++];
	return apply(&found, value, err);
}

/* argv[*index] is "-vvc", "-cVALUE" or "-c". */
static int
short_options(const struct opts *const *sets, char *const *argv, int *index,
	struct err *err)
{
	const char *letters = argv[(*index)++] + 1;

	for (; *letters != '\0'; letters++) {
		const char shown[] = {'-', *letters, '\0'};
		struct found found = find_letter(sets, *letters);
		const char *value = NULL;

		if (found.row == NULL)
			return err_set(err, ERR_INVALID, "%s: unknown option", shown);
		found.shown = shown;
		if (!opts_takes_value(found.row)) {
			if (apply(&found, NULL, err) != 0)
				return -1;
			continue;
		}
		if (letters[1] != '\0')
			value = letters + 1;
		else if (argv[*index] != NULL)
			value = argv[(*index)++];
		return apply(&found, value, err);
	}
	return 0;
}

static bool
is_option(const char *arg)
{
	return arg[0] == '-' && arg[1] != '\0';
}

/* argv[*index] is an option. */
static int
one_option(const struct opts *const *sets, char *const *argv, int *index,
	struct err *err)
{
	return argv[*index][1] == '-' ? long_option(sets, argv, index, err)
				      : short_options(sets, argv, index, err);
}

static int
add_word(struct strings *words, const char *word, struct err *err)
{
	if (words == NULL)
		return err_set(err, ERR_INVALID, "%s: not an option", word);
	strings_add(words, word);
	return 0;
}

int
opts_parse(const struct opts *const *sets, char *const *argv, int *index,
	struct strings *words, struct err *err)
{
	bool only_words = false;

	while (argv[*index] != NULL) {
		const char *arg = argv[*index];
		int bad = 0;

		if (!only_words && is_option(arg) && strcmp(arg, "--") != 0)
			bad = one_option(sets, argv, index, err);
		else if (only_words || strcmp(arg, "--") != 0)
			bad = add_word(words, argv[(*index)++], err);
		else
			only_words = true, ++*index;
		if (bad != 0)
			return -1;
	}
	return 0;
}

int
opts_parse_first(const struct opts *const *sets, char *const *argv, int *index,
	struct err *err)
{
	while (argv[*index] != NULL && is_option(argv[*index]) &&
		strcmp(argv[*index], "--") != 0)
		if (one_option(sets, argv, index, err) != 0)
			return -1;
	return 0;
}

const struct field *
opts_find(const struct opts *const *sets, const char *arg, const char **ret_value)
{
	bool is_long = strncmp(arg, "--", 2) == 0;
	const char *name = arg + (is_long ? 2 : 1);
	size_t len = is_long ? strcspn(name, "=") : 1;
	struct found found;

	if (arg[0] != '-' || *name == '\0')
		return NULL;
	found = is_long ? find_name(sets, name, len) : find_letter(sets, *name);
	*ret_value = NULL;
	if (name[len] != '\0')
		*ret_value = name + len + (is_long ? 1 : 0);
	return found.row;
}

void
opts_help_line(const char *name, const char *text, struct buf *out)
{
	size_t column;

	buf_printf(out, "  %-*s", HELP_COLUMN - 3, name);
	column = strlen(name) + 2 < HELP_COLUMN ? HELP_COLUMN - 1 : HELP_WIDTH;
	while (*text != '\0') {
		size_t word = strcspn(text, " ");

		if (column + 1 + word > HELP_WIDTH) {
			buf_printf(out, "\n%*s", HELP_COLUMN - 1, "");
			column = HELP_COLUMN - 1;
		}
		buf_putc(out, ' ');
		buf_add(out, text, word);
		column += 1 + word;
		text += word + strspn(text + word, " ");
	}
	buf_putc(out, '\n');
}

char
opts_letter(const struct opts *set, const struct field *row)
{
	const struct opt_letter *l = set->letters;

	for (; l != NULL && l->letter != 0; l++)
		if (strcmp(l->name, row->name) == 0)
			return l->letter;
	return 0;
}

void
opts_value_name(const struct field *row, struct buf *out)
{
	if (!opts_takes_value(row))
		return;
	if (row->type != FIELD_ENUM) {
		buf_puts(out, row->example);
		return;
	}
	for (size_t i = 0; row->choices[i] != NULL; i++)
		buf_printf(out, "%s%s", i == 0 ? "" : "|", row->choices[i]);
}

static void
help_row(const struct opts *set, const struct field *row, struct buf *out)
{
	AUTO(free) char *name = opts_name(row);
	AUTO(buf) struct buf shown = {.data = NULL};
	char letter = opts_letter(set, row);

	if (letter != 0)
		buf_printf(&shown, "-%c, --%s", letter, name);
	else
		buf_printf(&shown, "    --%s", name);
	if (opts_takes_value(row))
		buf_putc(&shown, ' ');
	opts_value_name(row, &shown);
	opts_help_line(buf_str(&shown), row->doc, out);
}

void
opts_help(const struct opts *set, struct buf *out)
{
	for (const struct field *row = set->table->rows; row->name != NULL; row++)
		if (opts_has(set, row))
			help_row(set, row, out);
}
