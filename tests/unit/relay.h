/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A mail relay that follows a script, for processes of peer.h. It says each command that it
 * hears, without the client's own name, and each subject.
 */
#ifndef TESTS_RELAY_H
#define TESTS_RELAY_H

/* What a relay answers; NULL is "250 ok", "" is silence for ever, "!" closes. */
struct relay_script {
	const char *greeting, *ehlo, *helo, *mail, *data, *dot, *quit;
	const char *rcpt[4];
};

/* One dialogue, to its end; a silence or a break in the script ends the process. */
void relay_play(int fd, const struct relay_script *s);

#endif
