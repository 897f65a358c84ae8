/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The one user of OpenSSL. Whatever it refuses ends the process: a digest or a token
 * that is silently wrong would be worse than a restart.
 */
#include "sys/crypto.h"

#include "base/buf.h"
#include "base/mem.h"

#include <assert.h>
#include <limits.h>
#include <string.h>
#include <unistd.h>

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/rand.h>

static void
require(bool good)
{
	static const char text[] = "OpenSSL failed\n";

	if (good)
		return;
	(void)!write(STDERR_FILENO, text, sizeof(text) - 1);
	abort();
}

/* OpenSSL's own functions answer size 0 with NULL, and its callers count on it. */
static void *
ssl_malloc(size_t size, const char *file, int line)
{
	(void)file;
	(void)line;
	return size > 0 ? xmalloc(size) : NULL;
}

static void
ssl_free(void *ptr, const char *file, int line)
{
	(void)file;
	(void)line;
	free(ptr);
}

static void *
ssl_realloc(void *ptr, size_t size, const char *file, int line)
{
	if (size > 0)
		return xrealloc(ptr, size);
	ssl_free(ptr, file, line);
	return NULL;
}

void
crypto_init(void)
{
	require(CRYPTO_set_mem_functions(ssl_malloc, ssl_realloc, ssl_free) == 1);
}

void
crypto_sha256(const void *data, size_t len,
	unsigned char out[static CRYPTO_SHA256_SIZE])
{
	require(EVP_Digest(data, len, out, NULL, EVP_sha256(), NULL) == 1);
}

void
crypto_hmac_sha256(const void *key, size_t key_len, const void *data, size_t len,
	unsigned char out[static CRYPTO_SHA256_SIZE])
{
	unsigned size = CRYPTO_SHA256_SIZE;

	assert(key_len <= INT_MAX);
	require(HMAC(EVP_sha256(), key, (int)key_len, data, len, out, &size) != NULL);
}

void
crypto_random(void *out, size_t len)
{
	assert(len <= INT_MAX);
	require(RAND_bytes(out, (int)len) == 1);
}

char *
crypto_uuid(char out[static CRYPTO_UUID_SIZE])
{
	static const size_t group_ends[] = {4, 6, 8, 10, 16};
	unsigned char raw[16];
	char *p = out;

	crypto_random(raw, sizeof(raw));
	raw[6] = (unsigned char)((raw[6] & 0x0f) | 0x40); /* version 4 */
	raw[8] = (unsigned char)((raw[8] & 0x3f) | 0x80); /* variant of the RFC */
	for (size_t group = 0, from = 0; group < COUNT_OF(group_ends); group++) {
		crypto_hex(raw + from, group_ends[group] - from, p);
		p += 2 * (group_ends[group] - from);
		*p++ = '-';
		from = group_ends[group];
	}
	p[-1] = '\0';
	return out;
}

char *
crypto_hex(const void *data, size_t len, char *out)
{
	static const char digits[] = "0123456789abcdef";
	const unsigned char *bytes = data;

	for (size_t i = 0; i < len; i++) {
		out[2 * i] = digits[bytes[i] >> 4];
		out[2 * i + 1] = digits[bytes[i] & 15];
	}
	out[2 * len] = '\0';
	return out;
}

char *
crypto_sha256_hex(const void *data, size_t len, char out[static CRYPTO_HEX_SIZE])
{
	unsigned char digest[CRYPTO_SHA256_SIZE];

	crypto_sha256(data, len, digest);
	return crypto_hex(digest, sizeof(digest), out);
}

void
crypto_base64(const void *data, size_t len, struct buf *out)
{
	enum { CHUNK = 48 }; /* a multiple of 3, so that only the last one is padded */
	unsigned char text[CHUNK / 3 * 4 + 1];
	const unsigned char *bytes = data;

	for (size_t at = 0; at < len; at += CHUNK) {
		int n = (int)(len - at < CHUNK ? len - at : CHUNK);

		buf_add(out, text, (size_t)EVP_EncodeBlock(text, bytes + at, n));
	}
	mem_wipe(text, sizeof(text));
}

/* The six bits of a character, or -1. */
static int
base64_value(char c)
{
	static const char alphabet[] =
		"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
	const char *at = c != '\0' ? strchr(alphabet, c) : NULL;

	return at != NULL ? (int)(at - alphabet) : -1;
}

struct decoder {
	unsigned bits; /* those not yet given out are the lowest `have` */
	unsigned have;
	unsigned chars; /* of the group, padding included */
	unsigned pads;
};

static int
decode_char(struct decoder *d, char c, struct buf *out)
{
	int value = base64_value(c);

	d->chars = d->chars % 4 + 1;
	if (c == '=' && d->chars > 2) {
		d->pads++;
		return 0;
	}
	if (value < 0 || d->pads > 0)
		return -1;
	d->bits = d->bits << 6 | (unsigned)value;
	d->have += 6;
	if (d->have >= 8) {
		d->have -= 8;
		buf_putc(out, (char)(d->bits >> d->have));
		d->bits &= (1u << d->have) - 1;
	}
	return 0;
}

int
crypto_base64_decode(const char *text, size_t len, struct buf *out)
{
	AUTO(buf) struct buf bytes = {0};
	struct decoder d = {0};

	for (size_t i = 0; i < len; i++) {
		if (text[i] != '\0' && strchr(" \t\r\n", text[i]) != NULL)
			continue;
		if (decode_char(&d, text[i], &bytes) < 0)
			return -1;
	}
	if (d.chars % 4 != 0 || d.bits != 0)
		return -1;
	buf_add(out, bytes.data, bytes.len);
	return 0;
}

bool
crypto_equal(const void *a, const void *b, size_t len)
{
	return CRYPTO_memcmp(a, b, len) == 0;
}
