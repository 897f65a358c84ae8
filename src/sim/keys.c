/* SPDX-License-Identifier: Apache-2.0 */
/* The lists of keys, new ones made of random bytes, and derived ones. */
#include "sim/keys.h"

#include "base/buf.h"
#include "base/clock.h"
#include "sim/sigv4.h"
#include "sys/crypto.h"

#include <string.h>
#include <uthash.h>
#include <utlist.h>

#define DERIVED_MAX 256 /* derived keys kept */
#define ID_DIGITS 16    /* behind ASIA */
#define SECRET_BYTES 30 /* 40 in base64 */
#define TOKEN_BYTES 270 /* 360 in base64: as long as real ones, give or take */

/* The signing key of one (secret, date, region, service). */
struct derived {
	char *name; /* the four, as hash key */
	unsigned char key[CRYPTO_SHA256_SIZE];
	UT_hash_handle hh;
};

struct sim_keys {
	struct sim_key *given;
	struct sim_key *issued; /* the oldest first */
	size_t issued_count;
	struct derived *derived;
};

struct sim_keys *
sim_keys_new(void)
{
	return NEW(struct sim_keys);
}

void
sim_keys_add(struct sim_keys *keys, const char *id, const char *secret,
	const char *token)
{
	struct sim_key *k = NEW(struct sim_key);

	k->id = xstrdup(id);
	secret_set(&k->secret, secret);
	if (token != NULL)
		secret_set(&k->token, token);
	k->expires_ms = INT64_MAX;
	DL_PREPEND(keys->given, k);
}

static void
key_free(struct sim_key *k)
{
	free(k->id);
	free(k->arn);
	secret_fini(&k->secret);
	secret_fini(&k->token);
	free(k);
}

static char *
new_id(void)
{
	static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
	unsigned char bytes[ID_DIGITS];
	AUTO(buf) struct buf id = {0};

	crypto_random(bytes, sizeof(bytes));
	buf_puts(&id, "ASIA");
	for (size_t n = 0; n < sizeof(bytes); n++)
		buf_putc(&id, digits[bytes[n] % 32]);
	return buf_take(&id);
}

static void
new_secret(struct secret *secret, size_t len)
{
	unsigned char bytes[TOKEN_BYTES];
	struct buf text = {0};

	crypto_random(bytes, len);
	crypto_base64(bytes, len, &text);
	secret_set(secret, buf_str(&text));
	buf_wipe_fini(&text);
}

const struct sim_key *
sim_keys_issue(struct sim_keys *keys, const char *arn, int64_t expires_ms)
{
	struct sim_key *k = NEW(struct sim_key);

	k->id = new_id();
	new_secret(&k->secret, SECRET_BYTES);
	new_secret(&k->token, TOKEN_BYTES);
	k->arn = xstrdup(arn);
	k->expires_ms = expires_ms / 1000 * 1000;
	DL_APPEND(keys->issued, k);
	if (++keys->issued_count > SIM_SESSIONS_MAX) {
		struct sim_key *oldest = keys->issued;

		DL_DELETE(keys->issued, oldest);
		key_free(oldest);
		keys->issued_count--;
	}
	return k;
}

static void
forget_derived(struct sim_keys *keys)
{
	struct derived *d;
	struct derived *next;

	HASH_ITER(hh, keys->derived, d, next) {
		HASH_DEL(keys->derived, d);
		mem_wipe(d->key, sizeof(d->key));
		str_wipe_free(d->name);
		free(d);
	}
}

static void
free_list(struct sim_key *list)
{
	struct sim_key *k;
	struct sim_key *next;

	DL_FOREACH_SAFE(list, k, next)
		key_free(k);
}

void
sim_keys_free(struct sim_keys *keys)
{
	if (keys == NULL)
		return;
	free_list(keys->given);
	free_list(keys->issued);
	forget_derived(keys);
	free(keys);
}

bool
sim_keys_are_given(const struct sim_keys *keys)
{
	return keys->given != NULL;
}

const struct sim_key *
sim_keys_find(const struct sim_keys *keys, const char *id)
{
	const struct sim_key *k;

	DL_FOREACH(keys->given, k)
		if (strcmp(k->id, id) == 0)
			return k;
	DL_FOREACH(keys->issued, k)
		if (strcmp(k->id, id) == 0)
			return k;
	return NULL;
}

const char *
sim_key_expiry(const struct sim_key *k, char text[static SIM_EXPIRY_SIZE])
{
	clock_format(k->expires_ms, text);
	memcpy(text + strlen("2026-01-31T10:15:00"), "Z", sizeof("Z"));
	return text;
}

static void
hmac(const void *key, size_t len, const char *text, unsigned char *out)
{
	crypto_hmac_sha256(key, len, text, strlen(text), out);
}

static void
derive(const char *secret, const struct sim_identity *id, unsigned char *out)
{
	char *start = xasprintf("AWS4%s", secret);
	unsigned char step[CRYPTO_SHA256_SIZE];

	hmac(start, strlen(start), id->date, out);
	hmac(out, sizeof(step), id->region, step);
	hmac(step, sizeof(step), id->service, out);
	hmac(out, sizeof(step), "aws4_request", step);
	memcpy(out, step, sizeof(step));
	mem_wipe(step, sizeof(step));
	str_wipe_free(start);
}

const unsigned char *
sim_keys_derive(struct sim_keys *keys, const char *secret,
	const struct sim_identity *id)
{
	char *name = xasprintf("%s/%s/%s/%s", id->date, id->region, id->service,
		secret);
	struct derived *d;

	HASH_FIND_STR(keys->derived, name, d);
	if (d != NULL) {
		str_wipe_free(name);
		return d->key;
	}
	if (HASH_COUNT(keys->derived) >= DERIVED_MAX)
		forget_derived(keys);
	d = NEW(struct derived);
	d->name = name;
	derive(secret, id, d->key);
	HASH_ADD_KEYPTR(hh, keys->derived, d->name, strlen(d->name), d);
	return d->key;
}
