/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which text is one mail address. Narrower than RFC 5322 on purpose: what comes out stands
 * in an SMTP command and in a header, so nothing in it ever needs quoting.
 */
#include "sys/mail.h"

#include "base/utf8.h"

#include <stdint.h>
#include <string.h>

#define LETTERS_AND_DIGITS                                                             \
	"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"

/* RFC 5321, 4.5.3.1 */
#define LOCAL_MAX 64u
#define DOMAIN_MAX 255u

/* A piece of the text. */
struct span {
	const char *start;
	size_t len;
};

static struct span
trim(struct span s)
{
	while (s.len > 0 && strchr(" \t", s.start[0]) != NULL) {
		s.start++;
		s.len--;
	}
	while (s.len > 0 && strchr(" \t", s.start[s.len - 1]) != NULL)
		s.len--;
	return s;
}

/* Readable text of one line. */
static bool
is_clean(const char *text)
{
	size_t len = strlen(text);

	while (len > 0) {
		uint32_t character;
		size_t n = utf8_next(text, len, &character);

		if (n == 0 || (utf8_is_control(character) && character != '\t'))
			return false;
		text += n;
		len -= n;
	}
	return true;
}

/* What stands in <>, with nothing but a name before it; else the whole. */
static bool
find_bare(const char *text, struct span *ret)
{
	struct span s = trim((struct span){text, strlen(text)});
	const char *open = memchr(s.start, '<', s.len);

	if (open != NULL) {
		if (s.start[s.len - 1] != '>')
			return false;
		s.len -= (size_t)(open + 1 - s.start) + 1;
		s.start = open + 1;
	}
	*ret = s;
	return true;
}

static bool
is_local(struct span s)
{
	/* RFC 5322's atext, and dots. */
	return s.len > 0 && s.len <= LOCAL_MAX &&
		strspn(s.start, LETTERS_AND_DIGITS "!#$%&'*+-/=?^_`{|}~.") >= s.len;
}

/* Labels with dots between them; one dot may end it. */
static bool
is_domain(struct span s)
{
	if (s.len == 0 || s.len > DOMAIN_MAX)
		return false;
	while (s.len > 0) {
		size_t label = strspn(s.start, LETTERS_AND_DIGITS "-");

		if (label == 0)
			return false;
		if (label >= s.len)
			return true;
		if (s.start[label] != '.')
			return false;
		s.start += label + 1;
		s.len -= label + 1;
	}
	return true;
}

int
mail_address(const char *text, char *ret, size_t size)
{
	struct span s, local, domain;
	const char *at;

	if (!is_clean(text) || !find_bare(text, &s))
		return -1;
	at = memchr(s.start, '@', s.len);
	if (at == NULL)
		return -1;
	local = (struct span){s.start, (size_t)(at - s.start)};
	domain = (struct span){at + 1, s.len - local.len - 1};
	if (!is_local(local) || !is_domain(domain) || s.len >= size)
		return -1;
	memcpy(ret, s.start, s.len);
	ret[s.len] = '\0';
	return 0;
}
