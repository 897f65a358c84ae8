/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Signature Version 4, verified: the Authorization header is taken apart, the canonical
 * request is built from what came, and the signature made anew.
 */
#include "sim/sigv4.h"

#include "base/buf.h"
#include "base/clock.h"
#include "base/mem.h"
#include "sim/error.h"
#include "sim/keys.h"
#include "sys/crypto.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#define ALGORITHM "AWS4-HMAC-SHA256"
#define SIGNED_MAX 64 /* headers in SignedHeaders */
#define SIGNATURE_LEN 64
#define AMZ_DATE_LEN 16

/* The header's three parts; borrowed from the header but for the identity. */
struct authorization {
	struct sim_identity identity;
	const char *headers; /* "content-type;host;x-amz-date" */
	size_t headers_len;
	char signature[SIGNATURE_LEN + 1];
};

/* The value of "name=" in a header of parts parted by commas; NULL if it is not there. */
static const char *
part(const char *text, const char *name, size_t *ret_len)
{
	size_t name_len = strlen(name);

	while (*text != '\0') {
		size_t len = strcspn(text, ",");

		if (len > name_len && strncmp(text, name, name_len) == 0 &&
			text[name_len] == '=') {
			len -= name_len + 1;
			text += name_len + 1;
			while (len > 0 && text[len - 1] == ' ')
				len--;
			*ret_len = len;
			return text;
		}
		text += len;
		text += strspn(text, ", ");
	}
	return NULL;
}

/* Copies up to the next '/' and moves behind it. -1: empty, too long, or no '/'. */
static int
take_scope(const char **text, size_t *len, char *out, size_t size)
{
	const char *slash = memchr(*text, '/', *len);
	size_t n;

	if (slash == NULL)
		return -1;
	n = (size_t)(slash - *text);
	if (n == 0 || n >= size)
		return -1;
	memcpy(out, *text, n);
	out[n] = '\0';
	*text += n + 1;
	*len -= n + 1;
	return 0;
}

/* ID/DATE/REGION/SERVICE/aws4_request */
static int
parse_credential(const char *text, size_t len, struct sim_identity *id)
{
	static const char end[] = "aws4_request";

	if (take_scope(&text, &len, id->key_id, sizeof(id->key_id)) != 0 ||
		take_scope(&text, &len, id->date, sizeof(id->date)) != 0 ||
		take_scope(&text, &len, id->region, sizeof(id->region)) != 0 ||
		take_scope(&text, &len, id->service, sizeof(id->service)) != 0)
		return -1;
	if (strlen(id->date) != 8 || strspn(id->date, "0123456789") != 8)
		return -1;
	return len == strlen(end) && memcmp(text, end, len) == 0 ? 0 : -1;
}

static int
parse_authorization(const char *text, struct authorization *ret,
	struct sim_error *error)
{
	size_t len = strlen(ALGORITHM);
	const char *found;

	if (strncmp(text, ALGORITHM " ", len + 1) != 0)
		return sim_fail(error, SIM_INCOMPLETE_SIGNATURE,
			"The Authorization header does not begin with " ALGORITHM);
	text += len + 1;
	text += strspn(text, " ");
	found = part(text, "Credential", &len);
	if (found == NULL || parse_credential(found, len, &ret->identity) != 0)
		return sim_fail(error, SIM_INCOMPLETE_SIGNATURE,
			"Credential must be ID/YYYYMMDD/REGION/SERVICE/aws4_request");
	ret->headers = part(text, "SignedHeaders", &ret->headers_len);
	if (ret->headers == NULL || ret->headers_len == 0)
		return sim_fail(error, SIM_INCOMPLETE_SIGNATURE,
			"Authorization header requires 'SignedHeaders' parameter.");
	found = part(text, "Signature", &len);
	if (found == NULL || len != SIGNATURE_LEN)
		return sim_fail(error, SIM_INCOMPLETE_SIGNATURE,
			"Authorization header requires 'Signature' parameter of 64 hex digits.");
	memcpy(ret->signature, found, len);
	ret->signature[len] = '\0';
	return 0;
}

/* Where the fourteen digits of the basic form stand in the extended one. */
static const unsigned char digit_at[] = {0, 1, 2, 3, 5, 6, 8, 9, 11, 12, 14, 15, 17,
	18};

/* 20260131T101500Z to ms. */
static int
parse_amz_date(const char *text, int64_t *ret_ms)
{
	char iso[] = "0000-00-00T00:00:00Z";

	if (strlen(text) != AMZ_DATE_LEN || strspn(text, "0123456789") != 8 ||
		text[8] != 'T' || strspn(text + 9, "0123456789") != 6 ||
		text[15] != 'Z')
		return -1;
	for (size_t n = 0; n < sizeof(digit_at); n++)
		iso[digit_at[n]] = text[n < 8 ? n : n + 1];
	return clock_parse(iso, ret_ms);
}

static void
print_amz_date(int64_t ms, char amz[static AMZ_DATE_LEN + 1])
{
	char iso[CLOCK_TEXT_SIZE];

	memcpy(amz, "00000000T000000Z", AMZ_DATE_LEN + 1);
	clock_format(ms, iso);
	for (size_t n = 0; n < sizeof(digit_at); n++)
		amz[n < 8 ? n : n + 1] = iso[digit_at[n]];
}

/* Basic form, from X-Amz-Date, or else from Date. */
static int
request_date(const struct sim_http *http, char amz[static AMZ_DATE_LEN + 1],
	int64_t *ret_ms, struct sim_error *error)
{
	const char *text = http->header(http->arg, "X-Amz-Date");

	if (text != NULL) {
		if (parse_amz_date(text, ret_ms) != 0)
			return sim_fail(error, SIM_INCOMPLETE_SIGNATURE,
				"X-Amz-Date must be in ISO8601 basic format");
		memcpy(amz, text, AMZ_DATE_LEN + 1);
		return 0;
	}
	text = http->header(http->arg, "Date");
	if (text == NULL || clock_parse_http(text, ret_ms) != 0)
		return sim_fail(error, SIM_INCOMPLETE_SIGNATURE,
			"Authorization header requires existence of either a 'X-Amz-Date' or a 'Date' header.");
	print_amz_date(*ret_ms, amz);
	return 0;
}

static int
check_date(const char *amz, int64_t date_ms, int64_t now_ms,
	const struct sim_identity *id, struct sim_error *error)
{
	char now[CLOCK_TEXT_SIZE];

	clock_format(now_ms, now);
	if (now_ms - date_ms > SIM_SIGV4_SKEW_MS)
		return sim_fail(error, SIM_REQUEST_EXPIRED,
			"Request has expired. Timestamp date is %s. Current date is %s",
			amz, now);
	if (date_ms - now_ms > SIM_SIGV4_SKEW_MS)
		return sim_fail(error, SIM_REQUEST_IN_THE_FUTURE,
			"Request is in the future. Timestamp date is %s. Current date is %s",
			amz, now);
	if (strncmp(id->date, amz, 8) != 0)
		return sim_fail(error, SIM_SIGNATURE_DOES_NOT_MATCH,
			"Date in Credential scope does not match YYYYMMDD from ISO-8601 version of date "
			"from HTTP: '%s' != '%.8s', from '%s'.",
			id->date, amz, amz);
	return 0;
}

static bool
is_signed(const struct authorization *a, const char *name)
{
	const char *p = a->headers;
	const char *end = a->headers + a->headers_len;
	size_t name_len = strlen(name);

	while (p < end) {
		const char *semi = memchr(p, ';', (size_t)(end - p));
		size_t len = (size_t)((semi != NULL ? semi : end) - p);

		if (len == name_len && memcmp(p, name, len) == 0)
			return true;
		p += len + 1;
	}
	return false;
}

/* What AWS wants under the signature, if it was sent at all. */
static int
check_signed(const struct authorization *a, const struct sim_http *http,
	struct sim_error *error)
{
	static const char *const names[] = {"host", "x-amz-date",
		"x-amz-security-token", "x-amz-content-sha256", "x-amz-target"};

	for (size_t i = 0; i < COUNT_OF(names); i++) {
		if (i > 0 && http->header(http->arg, names[i]) == NULL)
			continue;
		if (!is_signed(a, names[i]))
			return sim_fail(error, SIM_SIGNATURE_DOES_NOT_MATCH,
				"'%s' must be a 'SignedHeader' in the AWS Authorization.",
				names[i]);
	}
	return 0;
}

static void
put_trimmed(struct buf *b, const char *value)
{
	bool space = false;

	value += strspn(value, " \t");
	for (; *value != '\0'; value++) {
		if (*value == ' ' || *value == '\t') {
			space = true;
			continue;
		}
		if (space)
			buf_putc(b, ' ');
		space = false;
		buf_putc(b, *value);
	}
}

/* "name:value\n" for each signed header. -1: bad name, or a header that is not there. */
static int
put_headers(struct buf *b, const struct authorization *a, const struct sim_http *http)
{
	const char *p = a->headers;
	const char *end = a->headers + a->headers_len;
	unsigned count = 0;

	while (p < end) {
		const char *semi = memchr(p, ';', (size_t)(end - p));
		size_t len = (size_t)((semi != NULL ? semi : end) - p);
		char name[128];
		const char *value;

		if (len == 0 || len >= sizeof(name) || ++count > SIGNED_MAX)
			return -1;
		memcpy(name, p, len);
		name[len] = '\0';
		value = http->header(http->arg, name);
		if (value == NULL)
			return -1;
		buf_add(b, name, len);
		buf_putc(b, ':');
		put_trimmed(b, value);
		buf_putc(b, '\n');
		p += len + 1;
	}
	return 0;
}

/* The path once more encoded, as all services but S3 have it. */
static void
put_path(struct buf *b, const char *path, size_t len)
{
	static const char plain[] = "-._~/";

	if (len == 0)
		buf_putc(b, '/');
	for (size_t i = 0; i < len; i++) {
		unsigned char c = (unsigned char)path[i];

		if (isalnum(c) || (c != '\0' && strchr(plain, c) != NULL))
			buf_putc(b, (char)c);
		else
			buf_printf(b, "%%%02X", c);
	}
}

/* Names first, then values: so '=' sorts below all that may stand in a name. */
static int
by_pair(const void *a, const void *b)
{
	const char *x = *(const char *const *)a;
	const char *y = *(const char *const *)b;
	size_t x_name = strcspn(x, "=");
	size_t y_name = strcspn(y, "=");
	int order = memcmp(x, y, x_name < y_name ? x_name : y_name);

	if (order != 0)
		return order;
	if (x_name != y_name)
		return x_name < y_name ? -1 : 1;
	return strcmp(x + x_name, y + y_name);
}

static void
put_query(struct buf *b, const char *query)
{
	char *copy = xstrdup(query);
	char **pairs = NULL;
	size_t count = 0;
	char *save = NULL;

	for (char *p = strtok_r(copy, "&", &save); p != NULL;
		p = strtok_r(NULL, "&", &save)) {
		pairs = xreallocarray(pairs, count + 1, sizeof(*pairs));
		pairs[count++] = p;
	}
	if (count > 0)
		qsort(pairs, count, sizeof(*pairs), by_pair);
	for (size_t i = 0; i < count; i++) {
		if (i > 0)
			buf_putc(b, '&');
		buf_puts(b, pairs[i]);
		if (strchr(pairs[i], '=') == NULL)
			buf_putc(b, '=');
	}
	free(pairs);
	free(copy);
}

static int
put_canonical(struct buf *b, const struct authorization *a, const struct sim_http *http)
{
	size_t path_len = strcspn(http->target, "?");
	char hex[CRYPTO_HEX_SIZE];

	buf_puts(b, http->method);
	buf_putc(b, '\n');
	put_path(b, http->target, path_len);
	buf_putc(b, '\n');
	if (http->target[path_len] == '?')
		put_query(b, http->target + path_len + 1);
	buf_putc(b, '\n');
	if (put_headers(b, a, http) != 0)
		return -1;
	buf_putc(b, '\n');
	buf_add(b, a->headers, a->headers_len);
	buf_putc(b, '\n');
	buf_puts(b, crypto_sha256_hex(http->body, http->body_len, hex));
	return 0;
}

static void
string_to_sign(struct buf *b, const struct buf *canonical, const char *amz,
	const struct sim_identity *id)
{
	char hex[CRYPTO_HEX_SIZE];

	buf_printf(b, ALGORITHM "\n%s\n%s/%s/%s/aws4_request\n%s", amz, id->date,
		id->region, id->service,
		crypto_sha256_hex(buf_str(canonical), canonical->len, hex));
}

static bool
signed_with(struct sim_keys *keys, const char *secret, const struct authorization *a,
	const struct buf *to_sign)
{
	unsigned char mac[CRYPTO_SHA256_SIZE];
	char hex[CRYPTO_HEX_SIZE];

	crypto_hmac_sha256(sim_keys_derive(keys, secret, &a->identity),
		CRYPTO_SHA256_SIZE, buf_str(to_sign), to_sign->len, mac);
	crypto_hex(mac, sizeof(mac), hex);
	return crypto_equal(hex, a->signature, SIGNATURE_LEN);
}

/* EC2 has one code for both mistakes, the others have one for each. */
static int
refuse(const struct sim_identity *id, bool known, struct sim_error *error)
{
	if (strcmp(id->service, "ec2") == 0)
		return sim_fail(error, SIM_AUTH_FAILURE,
			"AWS was not able to validate the provided access credentials");
	if (!known)
		return sim_fail(error, SIM_INVALID_CLIENT_TOKEN_ID,
			"The security token included in the request is invalid.");
	return sim_fail(error, SIM_SIGNATURE_DOES_NOT_MATCH,
		"The request signature we calculated does not match the signature you provided. Check "
		"your AWS Secret Access Key and signing method.");
}

/* EC2 says of what has expired what it says of an old request. */
static int
expired(const struct sim_identity *id, struct sim_error *error)
{
	if (strcmp(id->service, "ec2") == 0)
		return sim_fail(error, SIM_REQUEST_EXPIRED, "Request has expired.");
	return sim_fail(error, SIM_EXPIRED_TOKEN,
		"The security token included in the request is expired");
}

static int
check_signature(struct sim_keys *keys, const struct sim_http *http,
	const struct authorization *a, const struct buf *to_sign,
	struct sim_error *error)
{
	const struct sim_key *k = sim_keys_find(keys, a->identity.key_id);
	const char *token = http->header(http->arg, "X-Amz-Security-Token");
	bool good;

	if (k == NULL && sim_keys_are_given(keys))
		return refuse(&a->identity, false, error);
	if (k != NULL && k->token.text != NULL && !str_equal(k->token.text, token))
		return refuse(&a->identity, false, error);
	if (k != NULL)
		good = signed_with(keys, k->secret.text, a, to_sign);
	else
		good = signed_with(keys, "test", a, to_sign) ||
			signed_with(keys, a->identity.key_id, a, to_sign);
	return good ? 0 : refuse(&a->identity, true, error);
}

/* Whose the key is; one that is past its time is nobody's. */
static int
check_key(const struct sim_keys *keys, struct sim_identity *id, int64_t now_ms,
	struct sim_error *error)
{
	const struct sim_key *k = sim_keys_find(keys, id->key_id);

	if (k != NULL && now_ms >= k->expires_ms)
		return expired(id, error);
	(void)snprintf(id->arn, sizeof(id->arn), "%s",
		k != NULL && k->arn != NULL ? k->arn : "");
	return 0;
}

int
sim_sigv4_verify(struct sim_keys *keys, const struct sim_http *http, int64_t now_ms,
	struct sim_identity *ret_identity, struct sim_error *error)
{
	const char *header = http->header(http->arg, "Authorization");
	AUTO(buf) struct buf canonical = {0};
	AUTO(buf) struct buf to_sign = {0};
	struct authorization a = {0};
	int64_t date_ms;
	char amz[AMZ_DATE_LEN + 1];

	if (header == NULL)
		return sim_fail(error, SIM_MISSING_AUTHENTICATION_TOKEN,
			"Request is missing Authentication Token");
	if (parse_authorization(header, &a, error) != 0 ||
		request_date(http, amz, &date_ms, error) != 0 ||
		check_date(amz, date_ms, now_ms, &a.identity, error) != 0 ||
		check_signed(&a, http, error) != 0)
		return -1;
	if (put_canonical(&canonical, &a, http) != 0)
		return sim_fail(error, SIM_INCOMPLETE_SIGNATURE,
			"A signed header is missing");
	string_to_sign(&to_sign, &canonical, amz, &a.identity);
	if (check_signature(keys, http, &a, &to_sign, error) != 0 ||
		check_key(keys, &a.identity, now_ms, error) != 0)
		return -1;
	*ret_identity = a.identity;
	return 0;
}
