/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Digests against FIPS 180-4, HMAC against RFC 4231, base64 against RFC 4648, and what
 * must not be accepted as base64.
 */
#include "unit.h"

#include "base/buf.h"
#include "base/mem.h"
#include "sys/crypto.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

static void
setup(void)
{
	crypto_init();
}

static const struct {
	int line;
	const char *text;
	const char *digest;
} digests[] = {
	{__LINE__, "",
		"e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"},
	{__LINE__, "abc",
		"ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"},
	{__LINE__, "abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq",
		"248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1"},
};

START_TEST(sha256)
{
	char hex[CRYPTO_HEX_SIZE];

	for (size_t i = 0; i < COUNT_OF(digests); i++) {
		const char *text = digests[i].text;

		ck_assert_msg(strcmp(crypto_sha256_hex(text, strlen(text), hex),
				      digests[i].digest) == 0,
			"line %d: %s", digests[i].line, hex);
	}
}
END_TEST

START_TEST(sha256_of_a_million)
{
	char hex[CRYPTO_HEX_SIZE];
	AUTO(free) char *text = xmalloc(1000000);

	memset(text, 'a', 1000000);
	ck_assert_str_eq(crypto_sha256_hex(text, 1000000, hex),
		"cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0");
}
END_TEST

/* `times` repeats of one byte, or a text. */
struct input {
	const char *text;
	unsigned char byte;
	size_t times;
};

static void
input_add(const struct input *in, struct buf *out)
{
	if (in->text != NULL)
		buf_puts(out, in->text);
	for (size_t i = 0; i < in->times; i++)
		buf_putc(out, (char)in->byte);
}

static const struct {
	int line;
	struct input key, data;
	const char *mac; /* hex, perhaps only its beginning */
} macs[] = {
	{__LINE__, {NULL, 0x0b, 20}, {"Hi There", 0, 0},
		"b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7"},
	{__LINE__, {"Jefe", 0, 0}, {"what do ya want for nothing?", 0, 0},
		"5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"},
	{__LINE__, {NULL, 0xaa, 20}, {NULL, 0xdd, 50},
		"773ea91e36800e46854db8ebd09181a72959098b3ef8c122d9635514ced565fe"},
	{__LINE__,
		{"\x01\x02\x03\x04\x05\x06\x07\x08\x09\x0a\x0b\x0c\x0d\x0e\x0f\x10\x11\x12"
		 "\x13\x14\x15\x16\x17\x18\x19",
			0, 0},
		{NULL, 0xcd, 50},
		"82558a389a443c0ea4cc819899f2083a85f0faa3e578f8077a2e3ff46729665b"},
	{__LINE__, {NULL, 0x0c, 20}, {"Test With Truncation", 0, 0},
		"a3b6167473100ee06e0c796c2955552b"},
	{__LINE__, {NULL, 0xaa, 131},
		{"Test Using Larger Than Block-Size Key - Hash Key First", 0, 0},
		"60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54"},
	{__LINE__, {NULL, 0xaa, 131},
		{"This is a test using a larger than block-size key and a larger than block-size "
		 "data. The key needs to be hashed before being used by the HMAC algorithm.",
			0, 0},
		"9b09ffa71b942fcb27635fbcd5b0e944bfdc63644f0713938a7f51535c3a35e2"},
	/* Both empty: not of the RFC, but of every implementation. */
	{__LINE__, {"", 0, 0}, {"", 0, 0},
		"b613679a0814d9ec772f95d778c35fc5ff1697c493715653c6c712144292c5ad"},
};

START_TEST(hmac)
{
	for (size_t i = 0; i < COUNT_OF(macs); i++) {
		unsigned char mac[CRYPTO_SHA256_SIZE];
		char hex[CRYPTO_HEX_SIZE];
		AUTO(buf) struct buf key = {0};
		AUTO(buf) struct buf data = {0};

		input_add(&macs[i].key, &key);
		input_add(&macs[i].data, &data);
		crypto_hmac_sha256(key.data, key.len, data.data, data.len, mac);
		crypto_hex(mac, sizeof(mac), hex);
		ck_assert_msg(strncmp(hex, macs[i].mac, strlen(macs[i].mac)) == 0,
			"line %d: %s", macs[i].line, hex);
	}
}
END_TEST

START_TEST(hex)
{
	char out[9];

	ck_assert_str_eq(crypto_hex("\x00\x7f\x80\xff", 4, out), "007f80ff");
	ck_assert_str_eq(crypto_hex("", 0, out), "");
}
END_TEST

START_TEST(random_bytes_differ)
{
	unsigned char a[32] = {0}, b[32] = {0};

	crypto_random(a, sizeof(a));
	crypto_random(b, sizeof(b));
	ck_assert_mem_ne(a, b, sizeof(a));
	crypto_random(a, 0);
}
END_TEST

START_TEST(uuid)
{
	static const char form[] = "xxxxxxxx-xxxx-4xxx-yxxx-xxxxxxxxxxxx";
	char a[CRYPTO_UUID_SIZE], b[CRYPTO_UUID_SIZE];

	for (int round = 0; round < 100; round++) {
		ck_assert_uint_eq(strlen(crypto_uuid(a)), CRYPTO_UUID_SIZE - 1);
		for (size_t i = 0; form[i] != '\0'; i++) {
			if (form[i] == 'x')
				ck_assert(isxdigit((unsigned char)a[i]) &&
					!isupper(a[i]));
			else if (form[i] == 'y')
				ck_assert_ptr_nonnull(strchr("89ab", a[i]));
			else
				ck_assert_int_eq(a[i], form[i]);
		}
		ck_assert_str_ne(a, crypto_uuid(b));
	}
}
END_TEST

static const struct {
	int line;
	const char *plain, *text;
} base64s[] = {
	{__LINE__, "", ""},
	{__LINE__, "f", "Zg=="},
	{__LINE__, "fo", "Zm8="},
	{__LINE__, "foo", "Zm9v"},
	{__LINE__, "foob", "Zm9vYg=="},
	{__LINE__, "fooba", "Zm9vYmE="},
	{__LINE__, "foobar", "Zm9vYmFy"},
	{__LINE__, "\xfb\xff\xbf", "+/+/"},
	{__LINE__,
		"#!/bin/sh\necho one line that is longer than what is encoded at a time\n",
		"IyEvYmluL3NoCmVjaG8gb25lIGxpbmUgdGhhdCBpcyBsb25nZXIgdGhhbiB3aGF0IGlzIGVuY29k"
		"ZWQgYXQgYSB0aW1lCg=="},
};

START_TEST(base64)
{
	for (size_t i = 0; i < COUNT_OF(base64s); i++) {
		AUTO(buf) struct buf text = {0};
		AUTO(buf) struct buf plain = {0};

		buf_puts(&text, ">");
		crypto_base64(base64s[i].plain, strlen(base64s[i].plain), &text);
		ck_assert_msg(strcmp(text.data + 1, base64s[i].text) == 0,
			"line %d: %s", base64s[i].line, text.data);
		ck_assert_int_eq(crypto_base64_decode(text.data + 1, text.len - 1,
					 &plain),
			0);
		ck_assert_str_eq(buf_str(&plain), base64s[i].plain);
	}
}
END_TEST

START_TEST(base64_of_any_length)
{
	unsigned char bytes[200];

	crypto_random(bytes, sizeof(bytes));
	for (size_t len = 0; len <= sizeof(bytes); len++) {
		AUTO(buf) struct buf text = {0};
		AUTO(buf) struct buf plain = {0};

		crypto_base64(bytes, len, &text);
		ck_assert_uint_eq(text.len, (len + 2) / 3 * 4);
		ck_assert_int_eq(crypto_base64_decode(text.data, text.len, &plain), 0);
		ck_assert_uint_eq(plain.len, len);
		ck_assert(len == 0 || memcmp(plain.data, bytes, len) == 0);
	}
}
END_TEST

static const struct {
	int line;
	const char *text;
	const char *plain; /* NULL: it is none */
} decodings[] = {
	{__LINE__, "Zm9v\r\nYmFy\r\n", "foobar"},
	{__LINE__, " Zm 9v\tYg = =\n", "foob"},
	{__LINE__, "\n", ""},
	{__LINE__, "Z", NULL},
	{__LINE__, "Zg", NULL},
	{__LINE__, "Zg=", NULL},
	{__LINE__, "Z===", NULL},
	{__LINE__, "====", NULL},
	{__LINE__, "=", NULL},
	{__LINE__, "Zg===", NULL},
	{__LINE__, "Zg==Zg==", NULL},
	{__LINE__, "Zg=g", NULL},
	{__LINE__, "Zm9v=", NULL},
	{__LINE__, "Zm9v====", NULL},
	{__LINE__, "Zh==", NULL}, /* bits that belong to no byte */
	{__LINE__, "Zm9=", NULL},
	{__LINE__, "Zm-_", NULL}, /* the alphabet for URLs is another one */
	{__LINE__, "Zm9v!", NULL},
	{__LINE__, "Zm9\xc3\xb6", NULL},
};

START_TEST(base64_strict)
{
	for (size_t i = 0; i < COUNT_OF(decodings); i++) {
		AUTO(buf) struct buf out = {0};
		int rc;

		buf_puts(&out, ">");
		rc = crypto_base64_decode(decodings[i].text, strlen(decodings[i].text),
			&out);
		ck_assert_msg(rc == (decodings[i].plain != NULL ? 0 : -1), "line %d",
			decodings[i].line);
		ck_assert_str_eq(out.data + 1,
			decodings[i].plain != NULL ? decodings[i].plain : "");
	}
}
END_TEST

START_TEST(base64_nul)
{
	AUTO(buf) struct buf out = {0};

	ck_assert_int_eq(crypto_base64_decode("Zm9v\0YmFy", 9, &out), -1);
	ck_assert_uint_eq(out.len, 0);
}
END_TEST

START_TEST(equal)
{
	ck_assert(crypto_equal("abc", "abc", 3));
	ck_assert(!crypto_equal("abc", "abd", 3));
	ck_assert(crypto_equal("abc", "abd", 2));
	ck_assert(crypto_equal("a", "b", 0));
}
END_TEST

Suite *
test_suite(void)
{
	Suite *suite = suite_create("crypto");
	TCase *tc = tcase_create("crypto");

	tcase_add_checked_fixture(tc, setup, NULL);
	tcase_add_test(tc, sha256);
	tcase_add_test(tc, sha256_of_a_million);
	tcase_add_test(tc, hmac);
	tcase_add_test(tc, hex);
	tcase_add_test(tc, random_bytes_differ);
	tcase_add_test(tc, uuid);
	tcase_add_test(tc, base64);
	tcase_add_test(tc, base64_of_any_length);
	tcase_add_test(tc, base64_strict);
	tcase_add_test(tc, base64_nul);
	tcase_add_test(tc, equal);
	suite_add_tcase(suite, tc);
	return suite;
}
