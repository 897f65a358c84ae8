/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The three steps of the signature: canonical request, string to sign, derived key. The
 * key is good for a day, so it is worth keeping; what it was made from is kept as a digest.
 */
#include "ec2/sigv4.h"

#include "base/buf.h"
#include "base/mem.h"
#include "sys/crypto.h"

#include <string.h>
#include <time.h>

#define ALGORITHM "AWS4-HMAC-SHA256"
#define WALL_MAX_MS 253402300799999 /* the end of year 9999 */

/* In the order of their names, as the signature wants them. */
enum signed_header { CONTENT_TYPE, HOST, DATE, TOKEN, TARGET, SIGNED_COUNT };

static const char *const header_names[SIGNED_COUNT] = {
	[CONTENT_TYPE] = "content-type",
	[HOST] = "host",
	[DATE] = "x-amz-date",
	[TOKEN] = "x-amz-security-token",
	[TARGET] = "x-amz-target",
};

struct signing {
	const struct sigv4_request *request;
	const struct sigv4_keys *keys;
	const char *headers[SIGNED_COUNT]; /* values; NULL is not sent */
	struct buf names;                  /* "content-type;host;x-amz-date" */
	struct buf scope;
};

static void
format_date(int64_t wall_ms, char date[static SIGV4_DATE_SIZE])
{
	struct tm tm;
	time_t seconds;

	if (wall_ms < 0)
		wall_ms = 0;
	if (wall_ms > WALL_MAX_MS)
		wall_ms = WALL_MAX_MS;
	seconds = (time_t)(wall_ms / 1000);
	gmtime_r(&seconds, &tm);
	(void)strftime(date, SIGV4_DATE_SIZE, "%Y%m%dT%H%M%SZ", &tm);
}

/* Without the white space around it, and with single blanks inside. */
static void
add_header_value(struct buf *out, const char *value)
{
	const char *word = value + strspn(value, " \t");

	while (*word != '\0') {
		size_t len = strcspn(word, " \t");
		const char *next = word + len + strspn(word + len, " \t");

		buf_add(out, word, len);
		if (*next != '\0')
			buf_putc(out, ' ');
		word = next;
	}
}

static void
signing_init(struct signing *s, const struct sigv4_request *r,
	const struct sigv4_keys *keys, const char *date)
{
	*s = (struct signing){
		.request = r,
		.keys = keys,
		.headers =
			{
				[CONTENT_TYPE] = r->content_type,
				[HOST] = r->host,
				[DATE] = date,
				[TOKEN] = keys->token,
				[TARGET] = r->target,
			},
	};
	for (size_t i = 0; i < SIGNED_COUNT; i++) {
		if (s->headers[i] == NULL)
			continue;
		if (s->names.len > 0)
			buf_putc(&s->names, ';');
		buf_puts(&s->names, header_names[i]);
	}
	buf_printf(&s->scope, "%.8s/%s/%s/aws4_request", date, r->region, r->service);
}

static void
signing_fini(struct signing *s)
{
	buf_fini(&s->names);
	buf_fini(&s->scope);
}

static void
canonical_digest(const struct signing *s, char digest[static CRYPTO_HEX_SIZE])
{
	const struct sigv4_request *r = s->request;
	AUTO(buf_wipe) struct buf text = {0};
	char body_digest[CRYPTO_HEX_SIZE];

	buf_printf(&text, "%s\n%s\n%s\n", r->method, r->path, r->query);
	for (size_t i = 0; i < SIGNED_COUNT; i++) {
		if (s->headers[i] == NULL)
			continue;
		buf_printf(&text, "%s:", header_names[i]);
		add_header_value(&text, s->headers[i]);
		buf_putc(&text, '\n');
	}
	crypto_sha256_hex(r->body_len > 0 ? r->body : "", r->body_len, body_digest);
	buf_printf(&text, "\n%s\n%s", buf_str(&s->names), body_digest);
	crypto_sha256_hex(text.data, text.len, digest);
}

static void
hmac_text(const unsigned char key[static CRYPTO_SHA256_SIZE], const char *text,
	unsigned char out[static CRYPTO_SHA256_SIZE])
{
	unsigned char result[CRYPTO_SHA256_SIZE];

	crypto_hmac_sha256(key, CRYPTO_SHA256_SIZE, text, strlen(text), result);
	memcpy(out, result, sizeof(result));
	mem_wipe(result, sizeof(result));
}

static void
derive_key(const struct signing *s, unsigned char key[static CRYPTO_SHA256_SIZE])
{
	AUTO(buf_wipe) struct buf secret = {0};
	char day[9];

	buf_printf(&secret, "AWS4%s", s->keys->secret);
	memcpy(day, buf_str(&s->scope), 8);
	day[8] = '\0';
	crypto_hmac_sha256(secret.data, secret.len, day, 8, key);
	hmac_text(key, s->request->region, key);
	hmac_text(key, s->request->service, key);
	hmac_text(key, "aws4_request", key);
}

static void
find_key(const struct signing *s, struct sigv4_cache *cache,
	unsigned char key[static CRYPTO_SHA256_SIZE])
{
	unsigned char digest[CRYPTO_SHA256_SIZE];

	if (cache == NULL || s->scope.len >= sizeof(cache->scope)) {
		derive_key(s, key);
		return;
	}
	crypto_sha256(s->keys->secret, strlen(s->keys->secret), digest);
	if (strcmp(cache->scope, buf_str(&s->scope)) != 0 ||
		!crypto_equal(cache->secret_digest, digest, sizeof(digest))) {
		derive_key(s, cache->key);
		memcpy(cache->scope, buf_str(&s->scope), s->scope.len + 1);
		memcpy(cache->secret_digest, digest, sizeof(digest));
	}
	memcpy(key, cache->key, sizeof(cache->key));
	mem_wipe(digest, sizeof(digest));
}

static void
sign(const struct signing *s, struct sigv4_cache *cache,
	char hex[static CRYPTO_HEX_SIZE])
{
	AUTO(buf) struct buf text = {0};
	unsigned char key[CRYPTO_SHA256_SIZE], signature[CRYPTO_SHA256_SIZE];
	char digest[CRYPTO_HEX_SIZE];

	canonical_digest(s, digest);
	buf_printf(&text, ALGORITHM "\n%s\n%s\n%s", s->headers[DATE],
		buf_str(&s->scope), digest);
	find_key(s, cache, key);
	crypto_hmac_sha256(key, sizeof(key), text.data, text.len, signature);
	crypto_hex(signature, sizeof(signature), hex);
	mem_wipe(key, sizeof(key));
}

void
sigv4_sign(const struct sigv4_request *r, const struct sigv4_keys *keys,
	struct sigv4_cache *cache, char date[static SIGV4_DATE_SIZE],
	struct buf *authorization)
{
	char signature[CRYPTO_HEX_SIZE];
	struct signing s;

	format_date(r->wall_ms, date);
	signing_init(&s, r, keys, date);
	sign(&s, cache, signature);
	buf_printf(authorization,
		ALGORITHM " Credential=%s/%s, SignedHeaders=%s, Signature=%s", keys->id,
		buf_str(&s.scope), buf_str(&s.names), signature);
	signing_fini(&s);
}

void
sigv4_cache_fini(struct sigv4_cache *cache)
{
	mem_wipe(cache, sizeof(*cache));
}
