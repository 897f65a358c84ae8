/* SPDX-License-Identifier: Apache-2.0 */
/* Wildcards, forms of ids and instance types. */
#include "sim/text.h"

#include <string.h>

bool
sim_text_matches(const char *pattern, const char *text)
{
	const char *star = NULL; /* behind the last '*' */
	const char *retry = NULL;

	while (*text != '\0') {
		const char *p = pattern;

		if (*p == '*') {
			star = pattern = p + 1;
			retry = text;
			continue;
		}
		if (*p == '\\' && p[1] != '\0')
			p++;
		if (*p != '\0' && (*p == *text || (*p == '?' && p == pattern))) {
			pattern = p + 1;
			text++;
		} else if (star != NULL) {
			pattern = star;
			text = ++retry;
		} else {
			return false;
		}
	}
	while (*pattern == '*')
		pattern++;
	return *pattern == '\0';
}

bool
sim_text_is_id(const char *text, const char *prefix, size_t min, size_t max)
{
	size_t prefix_len = strlen(prefix);
	size_t len;

	if (strncmp(text, prefix, prefix_len) != 0)
		return false;
	text += prefix_len;
	len = strlen(text);
	return len >= min && len <= max && strspn(text, "0123456789abcdef") == len;
}

bool
sim_text_is_type(const char *text)
{
	static const char alphabet[] = "abcdefghijklmnopqrstuvwxyz0123456789-";
	size_t family = strspn(text, alphabet);

	if (family == 0 || text[family] != '.')
		return false;
	text += family + 1;
	return text[0] != '\0' && strspn(text, alphabet) == strlen(text);
}
