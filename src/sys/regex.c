/* SPDX-License-Identifier: Apache-2.0 */
/*
 * PCRE2 without its compiler to machine code: what runs here came from a file, and may be
 * as slow as it likes only up to the limits. They hold for each text anew.
 */
#include "sys/regex.h"

#include "base/err.h"

#include <string.h>

#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>

#define NEST_LIMIT 100u      /* parentheses in parentheses */
#define DEPTH_LIMIT 10000u   /* nested backtracking points */
#define HEAP_LIMIT_KIB 8192u /* for those */
#define MESSAGE_SIZE 256u

struct regex {
	unsigned refs;
	char *pattern;
	unsigned groups;
	pcre2_general_context *memory;
	pcre2_match_context *limits;
	pcre2_code *code;
	pcre2_match_data *found; /* one match at a time uses it */
};

static void *
allocate(size_t size, void *data)
{
	(void)data;
	return xmalloc(size);
}

static void
release(void *ptr, void *data)
{
	(void)data;
	free(ptr);
}

static pcre2_code *
compile(const char *pattern, pcre2_general_context *memory, size_t *ret_offset,
	int *ret_code)
{
	pcre2_compile_context *how = pcre2_compile_context_create(memory);
	pcre2_code *code;

	(void)pcre2_set_newline(how, PCRE2_NEWLINE_LF);
	(void)pcre2_set_parens_nest_limit(how, NEST_LIMIT);
	(void)pcre2_set_max_pattern_length(how, REGEX_PATTERN_MAX);
	code = pcre2_compile((PCRE2_SPTR)pattern, PCRE2_ZERO_TERMINATED,
		PCRE2_ANCHORED | PCRE2_UTF | PCRE2_UCP | PCRE2_NEVER_BACKSLASH_C,
		ret_code, ret_offset, how);
	pcre2_compile_context_free(how);
	return code;
}

static pcre2_match_context *
make_limits(pcre2_general_context *memory)
{
	pcre2_match_context *limits = pcre2_match_context_create(memory);

	(void)pcre2_set_match_limit(limits, REGEX_MATCH_LIMIT);
	(void)pcre2_set_depth_limit(limits, DEPTH_LIMIT);
	(void)pcre2_set_heap_limit(limits, HEAP_LIMIT_KIB);
	return limits;
}

/* Beyond the end, and in the middle of a character, there is nothing to point at. */
static size_t
sane_offset(const char *pattern, size_t offset)
{
	size_t len = strlen(pattern);

	if (offset > len)
		offset = len;
	while (offset > 0 && ((unsigned char)pattern[offset] & 0xc0) == 0x80)
		offset--;
	return offset;
}

static int
refuse(int code, const char *pattern, size_t offset, size_t *ret_offset,
	struct err *err)
{
	char why[MESSAGE_SIZE] = "unknown error";

	(void)pcre2_get_error_message(code, (PCRE2_UCHAR *)why, sizeof(why));
	if (ret_offset != NULL)
		*ret_offset = sane_offset(pattern, offset);
	return err_set(err, ERR_INVALID, "%s", why);
}

/* The length of "{,3}", 0 if there is something else. */
static size_t
bare_maximum(const char *at)
{
	size_t digits;

	if (at[0] != '{' || at[1] != ',')
		return 0;
	digits = strspn(at + 2, "0123456789");
	return digits > 0 && at[2 + digits] == '}' ? digits + 3 : 0;
}

/* In a class it is characters. A ']' that comes first in a class does not end it. */
static const char *
skip_class(const char *at)
{
	at += at[1] == '^' ? 2 : 1;
	if (*at == ']')
		at++;
	while (*at != '\0' && *at != ']')
		at += at[0] == '\\' && at[1] != '\0' ? 2 : 1;
	return at;
}

/* PCRE2 before 10.43 takes it for text, later ones and other languages for a quantifier. */
static int
check_maxima(const char *pattern, size_t *ret_offset, struct err *err)
{
	for (const char *at = pattern; *at != '\0'; at++) {
		size_t len = bare_maximum(at);

		if (len > 0) {
			if (ret_offset != NULL)
				*ret_offset = (size_t)(at - pattern);
			return err_set(err, ERR_INVALID,
				"%.*s is ambiguous; write {0%.*s", (int)len, at,
				(int)len - 1, at + 1);
		}
		if (*at == '[')
			at = skip_class(at);
		else if (at[0] == '\\' && at[1] != '\0')
			at++;
		if (*at == '\0')
			break;
	}
	return 0;
}

struct regex *
regex_compile(const char *pattern, size_t *ret_offset, struct err *err)
{
	pcre2_general_context *memory;
	struct regex *re;
	size_t offset = 0;
	int error = 0;
	pcre2_code *code;
	uint32_t groups = 0;

	if (check_maxima(pattern, ret_offset, err) < 0)
		return NULL;
	memory = pcre2_general_context_create(allocate, release, NULL);
	code = compile(pattern, memory, &offset, &error);
	if (code == NULL) {
		pcre2_general_context_free(memory);
		(void)refuse(error, pattern, offset, ret_offset, err);
		return NULL;
	}
	re = NEW(struct regex);
	(void)pcre2_pattern_info(code, PCRE2_INFO_CAPTURECOUNT, &groups);
	re->refs = 1;
	re->pattern = xstrdup(pattern);
	re->groups = groups;
	re->memory = memory;
	re->limits = make_limits(memory);
	re->code = code;
	re->found = pcre2_match_data_create_from_pattern(code, memory);
	return re;
}

struct regex *
regex_ref(struct regex *re)
{
	if (re != NULL)
		re->refs++;
	return re;
}

void
regex_unref(struct regex *re)
{
	if (re == NULL || --re->refs > 0)
		return;
	pcre2_match_data_free(re->found);
	pcre2_code_free(re->code);
	pcre2_match_context_free(re->limits);
	pcre2_general_context_free(re->memory);
	free(re->pattern);
	free(re);
}

const char *
regex_pattern(const struct regex *re)
{
	return re->pattern;
}

unsigned
regex_groups(const struct regex *re)
{
	return re->groups;
}

static struct regex_group
first_group(const struct regex *re, const char *text)
{
	const PCRE2_SIZE *ends = pcre2_get_ovector_pointer(re->found);

	if (re->groups == 0 || ends[2] == PCRE2_UNSET)
		return (struct regex_group){.text = NULL};
	return (struct regex_group){text + ends[2], ends[3] - ends[2]};
}

static int
fail(int code, struct err *err)
{
	char why[MESSAGE_SIZE] = "unknown error";
	bool limit = code == PCRE2_ERROR_MATCHLIMIT || code == PCRE2_ERROR_DEPTHLIMIT ||
		code == PCRE2_ERROR_HEAPLIMIT;

	(void)pcre2_get_error_message(code, (PCRE2_UCHAR *)why, sizeof(why));
	return err_set(err, limit ? ERR_LIMIT : ERR_PARSE, "%s", why);
}

int
regex_match(const struct regex *re, const char *text, struct regex_group *ret_group,
	struct err *err)
{
	int rc = pcre2_match(re->code, (PCRE2_SPTR)text, PCRE2_ZERO_TERMINATED, 0, 0,
		re->found, re->limits);

	if (rc == PCRE2_ERROR_NOMATCH)
		return 0;
	if (rc < 0)
		return fail(rc, err);
	if (ret_group != NULL)
		*ret_group = first_group(re, text);
	return 1;
}
