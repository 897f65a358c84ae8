/* SPDX-License-Identifier: Apache-2.0 */
#include "relay.h"
#include "peer.h"

#include <string.h>
#include <unistd.h>

static void
answer(int fd, const char *text, const char *otherwise)
{
	if (text == NULL)
		text = otherwise;
	if (strcmp(text, "") == 0) {
		peer_wait_closed(fd);
		_exit(0);
	}
	if (strcmp(text, "!") == 0)
		_exit(0);
	peer_write(fd, text);
	peer_write(fd, "\r\n");
}

static void
take_message(int fd)
{
	char line[2048];

	while (peer_read_line(fd, line, sizeof(line)) > 0 && strcmp(line, ".") != 0)
		if (strncmp(line, "Subject", 7) == 0)
			peer_say(line);
	peer_say(";");
}

void
relay_play(int fd, const struct relay_script *s)
{
	int rcpt = 0;
	char line[2048];

	answer(fd, s->greeting, "220 relay");
	while (peer_read_line(fd, line, sizeof(line)) > 0) {
		/* The name we call ourselves depends on the machine. */
		if (strncmp(line, "EHLO", 4) == 0 || strncmp(line, "HELO", 4) == 0)
			line[4] = '\0';
		peer_say(line);
		peer_say(";");
		if (strcmp(line, "EHLO") == 0)
			answer(fd, s->ehlo, "250 relay");
		else if (strcmp(line, "HELO") == 0)
			answer(fd, s->helo, "250 relay");
		else if (strncmp(line, "MAIL", 4) == 0)
			answer(fd, s->mail, "250 ok");
		else if (strncmp(line, "RCPT", 4) == 0)
			answer(fd, s->rcpt[rcpt++], "250 ok");
		else if (strcmp(line, "QUIT") == 0)
			answer(fd, s->quit, "221 bye");
		else if (strcmp(line, "DATA") != 0)
			answer(fd, NULL, "500 what?");
		else {
			answer(fd, s->data, "354 go on");
			if (s->data == NULL) {
				take_message(fd);
				answer(fd, s->dot, "250 queued");
			}
		}
	}
}
