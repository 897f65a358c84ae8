/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Mails to relays that offer TLS, offer none, or have a certificate nobody signed. FAULTS M5.
 */
#include "base/err.h"
#include "base/mem.h"
#include "certificate.h"
#include "peer.h"
#include "scratch.h"
#include "sys/http.h"
#include "sys/loop.h"
#include "sys/mail.h"
#include "unit.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static struct loop *loop;
static struct http *http;
static struct peer peer;

struct result {
	int count;
	enum mail_outcome outcome;
	char text[256];
};

static void
on_done(void *arg, enum mail_outcome outcome, const char *text)
{
	struct result *r = arg;

	r->count++;
	r->outcome = outcome;
	snprintf(r->text, sizeof(r->text), "%s", text);
}

static void
setup(void)
{
	struct err err;

	scratch_setup();
	signal(SIGPIPE, SIG_IGN);
	loop = loop_new(&err);
	http = http_new(loop, "ec2workerd/test", &err);
	ck_assert_ptr_nonnull(http);
}

static void
teardown(void)
{
	http_free(http);
	loop_free(loop);
	peer_fini(&peer);
	scratch_teardown();
}

static void
run(struct result *r, const struct mail_relay *relay)
{
	static const char *const to[] = {"a@example.org"};
	struct mail_message m = {
		.from = "ec2workerd@example.org",
		.to = to,
		.to_count = 1,
		.subject = "bot1 is missing",
		.body = "It never attached.\n",
		.message_id = "1@pool",
	};

	memset(r, 0, sizeof(*r));
	mail_send(http, relay, &m, on_done, r);
	while (r->count == 0)
		loop_turn(loop, true);
}

/*
 * A relay that knows TLS: Python's ssl has what we need in few lines. Modes: "starttls" offers
 * it, "tls" is TLS from the beginning, "plain" offers none but a login.
 */
static const char tls_relay[] =
	"import socket, ssl, sys, os\n"
	"listener, say, mode, dir = int(sys.argv[1]), int(sys.argv[2]), sys.argv[3], "
	"sys.argv[4]\n"
	"ctx = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)\n"
	"ctx.load_cert_chain(dir + '/cert.pem', dir + '/key.pem')\n"
	"server = socket.socket(fileno=listener)\n"
	"while True:\n"
	"    c, _ = server.accept()\n"
	"    tls = mode == 'tls'\n"
	"    try:\n"
	"        if tls: c = ctx.wrap_socket(c, server_side=True)\n"
	"        c.sendall(b'220 relay\\r\\n')\n"
	"        f = c.makefile('rb')\n"
	"        data = False\n"
	"        while line := f.readline().decode().rstrip():\n"
	"            word = line.split()[0].split(':')[0]\n"
	"            if line == 'AUTH PLAIN':\n"
	"                c.sendall(b'334 \\r\\n')\n"
	"                line += ' ' + f.readline().decode().strip()\n"
	"            os.write(say, ((word if word != 'AUTH' else line) + "
	"('+' if tls else '') + ';').encode())\n"
	"            answer = '250 ok'\n"
	"            if word == 'EHLO':\n"
	"                answer = '250-relay\\r\\n'\n"
	"                if mode == 'starttls' and not tls: answer += '250-STARTTLS\\r\\n'\n"
	"                answer += '250 AUTH PLAIN'\n"
	"            elif word == 'STARTTLS':\n"
	"                c.sendall(b'220 go\\r\\n')\n"
	"                c = ctx.wrap_socket(c, server_side=True)\n"
	"                f, tls = c.makefile('rb'), True\n"
	"                continue\n"
	"            elif word == 'AUTH':\n"
	"                good = line.endswith('AHVzZXIAc2Vrcml0')\n"
	"                answer = '235 welcome' if good else '535 wrong'\n"
	"            elif word == 'DATA':\n"
	"                c.sendall(b'354 go\\r\\n')\n"
	"                while f.readline() != b'.\\r\\n': pass\n"
	"                answer = '250 queued'\n"
	"            c.sendall((answer + '\\r\\n').encode())\n"
	"    except OSError: pass\n"
	"    os.write(say, b'|')\n";

struct tls_arg {
	const char *mode, *dir;
};

static void
play_tls_relay(int listener, const void *arg)
{
	const struct tls_arg *a = arg;
	char listener_text[16], say_text[16];

	snprintf(listener_text, sizeof(listener_text), "%d", listener);
	snprintf(say_text, sizeof(say_text), "%d", peer_say_fd());
	fcntl(listener, F_SETFD, 0);
	execlp("python3", "python3", "-c", tls_relay, listener_text, say_text, a->mode,
		a->dir, (char *)NULL);
	_exit(1);
}

#define ALL_CLEAR "EHLO;MAIL;RCPT;DATA;"
#define ALL_TLS "EHLO+;MAIL+;RCPT+;DATA+;"
#define AUTH_TLS "AUTH PLAIN AHVzZXIAc2Vrcml0+;"

static const struct {
	const char *mode, *host;
	bool smtps, own_ca;
	enum mail_starttls starttls;
	const char *password; /* of "user" */
	enum mail_outcome outcome;
	const char *text;
	const char *said; /* begins with */
	int line;
} tls_rows[] = {
	{"starttls", "localhost", false, true, MAIL_TLS_OPTIONAL, NULL, MAIL_ACCEPTED,
		"250", "EHLO;STARTTLS;" ALL_TLS, __LINE__},
	{"starttls", "localhost", false, true, MAIL_TLS_REQUIRED, NULL, MAIL_ACCEPTED,
		"250", "EHLO;STARTTLS;" ALL_TLS, __LINE__},
	{"starttls", "localhost", false, true, MAIL_TLS_OFF, NULL, MAIL_ACCEPTED, "250",
		ALL_CLEAR, __LINE__},
	{"starttls", "localhost", false, true, MAIL_TLS_OFF, "sekrit", MAIL_ACCEPTED,
		"250", "EHLO;STARTTLS;EHLO+;" AUTH_TLS "MAIL+;RCPT+;DATA+;", __LINE__},
	/* A certificate that is not good: optional goes on without, never on trust. */
	{"starttls", "localhost", false, false, MAIL_TLS_OPTIONAL, NULL, MAIL_ACCEPTED,
		"250", "EHLO;STARTTLS;|" ALL_CLEAR, __LINE__},
	{"starttls", "localhost", false, false, MAIL_TLS_REQUIRED, NULL, MAIL_LATER,
		"certificate", "EHLO;STARTTLS;", __LINE__},
	{"starttls", "127.0.0.1", false, true, MAIL_TLS_REQUIRED, NULL, MAIL_LATER, "",
		"EHLO;STARTTLS;", __LINE__},
	{"starttls", "localhost", false, false, MAIL_TLS_OPTIONAL, "sekrit", MAIL_LATER,
		"certificate", "EHLO;STARTTLS;", __LINE__},
	/* None is offered, or somebody has taken the offer out. */
	{"plain", "localhost", false, true, MAIL_TLS_OPTIONAL, NULL, MAIL_ACCEPTED,
		"250", ALL_CLEAR, __LINE__},
	{"plain", "localhost", false, true, MAIL_TLS_REQUIRED, NULL, MAIL_LATER,
		"offers no TLS", "EHLO;", __LINE__},
	{"plain", "localhost", false, true, MAIL_TLS_OPTIONAL, "sekrit", MAIL_LATER,
		"offers no TLS", "EHLO;", __LINE__},
	{"plain", "localhost", false, true, MAIL_TLS_OFF, "sekrit", MAIL_LATER,
		"offers no TLS", "EHLO;", __LINE__},
	{"tls", "localhost", true, true, MAIL_TLS_OPTIONAL, NULL, MAIL_ACCEPTED, "250",
		ALL_TLS, __LINE__},
	{"tls", "localhost", true, true, MAIL_TLS_OFF, "sekrit", MAIL_ACCEPTED, "250",
		"EHLO+;" AUTH_TLS "MAIL+;RCPT+;DATA+;", __LINE__},
	{"tls", "localhost", true, false, MAIL_TLS_OPTIONAL, NULL, MAIL_LATER,
		"certificate", "", __LINE__},
	{"tls", "localhost", true, true, MAIL_TLS_OPTIONAL, "wrong", MAIL_LATER,
		"535 wrong", "EHLO+;AUTH", __LINE__},
};

START_TEST(test_tls)
{
	const char *dir = scratch_path();
	struct tls_arg arg = {.mode = tls_rows[_i].mode, .dir = dir};
	struct result r;
	struct mail_relay relay = {
		.username = tls_rows[_i].password == NULL ? NULL : "user",
		.password = tls_rows[_i].password,
		.starttls = tls_rows[_i].starttls,
		.total_ms = 10000,
	};
	AUTO(free) char *url = NULL, *ca = NULL;

	certificate_make(dir);
	ca = xasprintf("%s/cert.pem", dir);
	relay.ca_file = tls_rows[_i].own_ca ? ca : NULL;
	peer_start(&peer, play_tls_relay, &arg);
	url = xasprintf("%s://%s:%d", tls_rows[_i].smtps ? "smtps" : "smtp",
		tls_rows[_i].host, peer.port);
	relay.url = url;
	run(&r, &relay);
	peer_stop(&peer);
	ck_assert_msg(r.outcome == tls_rows[_i].outcome &&
			strstr(r.text, tls_rows[_i].text) != NULL &&
			strncmp(peer.said, tls_rows[_i].said,
				strlen(tls_rows[_i].said)) == 0,
		"line %d: %d %s: %s", tls_rows[_i].line, r.outcome, r.text, peer.said);
	/* Not in any row. */
	ck_assert_ptr_null(strstr(peer.said, "AUTH PLAIN AHVzZXIAc2Vrcml0;"));
}
END_TEST

Suite *
test_suite(void)
{
	Suite *suite = suite_create("mail_tls");
	TCase *tc = tcase_create("mail_tls");

	tcase_set_timeout(tc, 30);
	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_loop_test(tc, test_tls, 0, COUNT_OF(tls_rows));
	suite_add_tcase(suite, tc);
	return suite;
}
