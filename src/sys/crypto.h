/* SPDX-License-Identifier: Apache-2.0 */
/*
 * OpenSSL: digests, HMAC, random bytes, base64. A failure of the library aborts: there
 * is nothing sensible to do without a working digest or random source.
 */
#ifndef SYS_CRYPTO_H
#define SYS_CRYPTO_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct buf;

#define CRYPTO_SHA256_SIZE 32
#define CRYPTO_HEX_SIZE 65  /* of a SHA-256, with NUL */
#define CRYPTO_UUID_SIZE 37 /* with NUL */

/* OpenSSL allocates through ours from now on. Comes first in main. */
void crypto_init(void);
void crypto_sha256(const void *data, size_t len,
	unsigned char out[static CRYPTO_SHA256_SIZE]);
void crypto_hmac_sha256(const void *key, size_t key_len, const void *data, size_t len,
	unsigned char out[static CRYPTO_SHA256_SIZE]);
void crypto_random(void *out, size_t len);
/* A random UUID (RFC 9562, version 4). */
char *crypto_uuid(char out[static CRYPTO_UUID_SIZE]);
/* Lower-case hex; out has 2 * len + 1 bytes. */
char *crypto_hex(const void *data, size_t len, char *out);
/* SHA-256 as lower-case hex. */
char *crypto_sha256_hex(const void *data, size_t len, char out[static CRYPTO_HEX_SIZE]);
void crypto_base64(const void *data, size_t len, struct buf *out);
/*
 * Appends the bytes. -1, and nothing appended, if it is not base64 of RFC 4648 (section
 * 4, with padding, no stray bits); white space is skipped, for lines are broken
 * anywhere.
 */
int crypto_base64_decode(const char *text, size_t len, struct buf *out);
/* Constant time. */
bool crypto_equal(const void *a, const void *b, size_t len);

#endif
