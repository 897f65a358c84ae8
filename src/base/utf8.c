/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Decides what a character is; every text that is cut, quoted or escaped asks here.
 */
#include "base/utf8.h"

/* The bytes that the first byte announces, and the payload bits it holds itself. */
static size_t
announced(unsigned char lead, uint32_t *ret_bits)
{
	if (lead < 0x80) {
		*ret_bits = lead;
		return 1;
	}
	if (lead >= 0xc2 && lead <= 0xdf) {
		*ret_bits = lead & 0x1fu;
		return 2;
	}
	if (lead >= 0xe0 && lead <= 0xef) {
		*ret_bits = lead & 0x0fu;
		return 3;
	}
	if (lead >= 0xf0 && lead <= 0xf4) {
		*ret_bits = lead & 0x07u;
		return 4;
	}
	return 0;
}

static bool
is_scalar(uint32_t character, size_t bytes)
{
	if (bytes == 3)
		return character >= 0x800 && (character < 0xd800 || character > 0xdfff);
	if (bytes == 4)
		return character >= 0x10000 && character <= 0x10ffff;
	return true;
}

size_t
utf8_next(const char *s, size_t len, uint32_t *ret_char)
{
	uint32_t character;
	size_t bytes = len > 0 ? announced((unsigned char)s[0], &character) : 0;

	if (bytes == 0 || bytes > len)
		return 0;
	for (size_t i = 1; i < bytes; i++) {
		unsigned char c = (unsigned char)s[i];

		if ((c & 0xc0) != 0x80)
			return 0;
		character = character << 6 | (c & 0x3fu);
	}
	if (!is_scalar(character, bytes))
		return 0;
	if (ret_char != NULL)
		*ret_char = character;
	return bytes;
}

bool
utf8_valid(const char *s, size_t len)
{
	while (len > 0) {
		size_t n = utf8_next(s, len, NULL);

		if (n == 0)
			return false;
		s += n;
		len -= n;
	}
	return true;
}

size_t
utf8_cut(const char *s, size_t max)
{
	size_t at = max;

	for (size_t back = 0; back < 3 && at > 0; back++, at--)
		if (((unsigned char)s[at] & 0xc0) != 0x80)
			return at;
	/* Three continuation bytes: the fourth belongs to the lead, or it is no UTF-8. */
	return ((unsigned char)s[at] & 0xc0) != 0x80 ? at : max;
}

bool
utf8_is_control(uint32_t character)
{
	static const struct {
		uint32_t first, last;
	} ranges[] = {
		{0x00, 0x1f}, {0x7f, 0x9f}, {0x061c, 0x061c},
		{0x200e, 0x200f}, /* direction marks */
		{0x2028,
			0x202e}, /* line and paragraph separator, embeddings, overrides */
		{0x2066, 0x2069}, /* isolates */
	};

	for (size_t i = 0; i < sizeof(ranges) / sizeof(ranges[0]); i++)
		if (character >= ranges[i].first && character <= ranges[i].last)
			return true;
	return false;
}
