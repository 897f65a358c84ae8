/* SPDX-License-Identifier: Apache-2.0 */
/* Which texts are addresses, and what can be listened at. */
#include "sys/tcp.h"
#include "base/err.h"
#include "base/mem.h"
#include "unit.h"

#include <string.h>
#include <unistd.h>

static const struct {
	const char *text;
	bool good;
	int line;
} texts[] = {
	{"127.0.0.1:5000", true, __LINE__},
	{"0.0.0.0:1", true, __LINE__},
	{"127.0.0.1:0", true, __LINE__},
	{"[::1]:65535", true, __LINE__},
	{"[::]:80", true, __LINE__},
	{"", false, __LINE__},
	{":", false, __LINE__},
	{":80", false, __LINE__},
	{"127.0.0.1", false, __LINE__},
	{"127.0.0.1:", false, __LINE__},
	{"127.0.0.1:65536", false, __LINE__},
	{"127.0.0.1:000080", false, __LINE__},
	{"127.0.0.1:8x", false, __LINE__},
	{"127.0.0.1:-1", false, __LINE__},
	{"127.1:80", false, __LINE__},
	{"localhost:80", false, __LINE__},
	{"::1:80", false, __LINE__},
	{"[]:80", false, __LINE__},
	{"[127.0.0.1]:80", false, __LINE__},
	{"[::1]80", false, __LINE__},
	{"/run/socket", false, __LINE__},
};

START_TEST(test_texts)
{
	struct err err = {.code = ERR_NONE};
	int result = tcp_check(texts[_i].text, &err);

	ck_assert_msg((result == 0) == texts[_i].good, "line %d", texts[_i].line);
	ck_assert(texts[_i].good || err.code == ERR_CONFIG);
}
END_TEST

START_TEST(test_listen)
{
	AUTO(free) char *again = NULL;
	uint16_t port = 0;
	struct err err;
	int fd = tcp_listen("127.0.0.1:0", &port, &err);

	ck_assert_int_ge(fd, 0);
	ck_assert_uint_gt(port, 0);
	again = xasprintf("127.0.0.1:%u", (unsigned)port);
	ck_assert_int_eq(tcp_listen(again, &port, &err), -1);
	ck_assert_int_eq(err.code, ERR_IO);
	ck_assert_ptr_nonnull(
		strstr(err.text, "cannot listen: Address already in use"));
	close(fd);
}
END_TEST

Suite *
test_suite(void)
{
	Suite *s = suite_create("tcp");
	TCase *t = tcase_create("tcp");

	tcase_add_loop_test(t, test_texts, 0, (int)COUNT_OF(texts));
	tcase_add_test(t, test_listen);
	suite_add_tcase(s, t);
	return s;
}
