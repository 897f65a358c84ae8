/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The guard of dead_man: a few lines of shell in front of the user data, which switch the
 * instance off when its lease has not been renewed for so long. A lease is renewed by
 * the daemon, which changes the instance's tag; the guard reads it from the metadata
 * service and believes no clock but that of the instance. Where it never could read the
 * lease it does nothing but say so: what is not known must kill nobody.
 */
#include "conf/conf_row.h"

#include "base/buf.h"
#include "base/mem.h"

#include <inttypes.h>
#include <string.h>

#define STEPS 20 /* looks in a life, but one a minute at least */
#define STEP_MAX_S 60

/*
 * Behind a line that sets life and step, in seconds. Forked twice, so that a `wait` of the
 * user's does not wait for it. Holds no "{{": it goes through the template.
 */
/* clang-format off */
static const char guard[] =
	"set +eux\n"
	"base=${AWS_EC2_METADATA_SERVICE_ENDPOINT:-http://169.254.169.254}/latest\n"
	"ttl='X-aws-ec2-metadata-token-ttl-seconds: 60'\n"
	"ask() { # METHOD PATH HEADER: to descriptor 3\n"
	"\tset -- \"$1\" \"$base/$2\" \"$3\"\n"
	"\tif command -v curl; then curl -sf -m 5 -X \"$1\" -H \"$3\" \"$2\" >&3\n"
	"\telif command -v wget; then wget -q -T 5 -t 1 -O - --method=\"$1\" --header=\"$3\" \"$2\" >&3\n"
	"\telse python3 -c 'import sys, urllib.request as u\n"
	"m, a, h = sys.argv[1:]\n"
	"r = u.Request(a, None, dict([h.split(\": \")]), method=m)\n"
	"print(u.urlopen(r, None, 5).read().decode())' \"$@\" >&3\n"
	"\tfi >/dev/null 2>&1\n"
	"}\n"
	"lease() {\n"
	"\ttoken=$(ask PUT api/token \"$ttl\" 3>&1) &&\n"
	"\task GET meta-data/tags/instance/ec2workerd:lease \"X-aws-ec2-metadata-token: $token\" 3>&1\n"
	"}\n"
	"now() { if read -r up rest </proc/uptime; then echo \"${up%.*}\"; else date +%s; fi; }\n"
	"last= since=$(now)\n"
	"while sleep $step; do\n"
	"\tif new=$(lease) && [ -n \"$new\" ] && [ \"$new\" != \"$last\" ]; then\n"
	"\t\tlast=$new since=$(now)\n"
	"\tfi\n"
	"\t[ $(($(now) - since)) -ge $life ] || continue\n"
	"\tif [ -z \"$last\" ]; then\n"
	"\t\techo 'ec2workerd: dead_man: the lease cannot be read here, so nothing is done'\n"
	"\t\tbreak\n"
	"\tfi\n"
	"\techo \"ec2workerd: dead_man: the lease was not renewed for $life s; power off\"\n"
	"\tpoweroff || shutdown -h now || halt -p\n"
	"done\n"
	") </dev/null & )\n";
/* clang-format on */

/* The last part of the first word of a "#!" line, of the second behind env. */
static size_t
interpreter(const char *text, const char **ret_name)
{
	const char *word = text + strlen("#!");
	size_t len;

	for (;;) {
		word += strspn(word, " \t");
		len = strcspn(word, " \t\r\n");
		for (size_t n = len; n > 0; n--) {
			if (word[n - 1] != '/')
				continue;
			word += n;
			len -= n;
			break;
		}
		if (len != 3 || strncmp(word, "env", 3) != 0)
			break;
		word += len;
	}
	*ret_name = word;
	return len;
}

const char *
dead_man_fault(const char *text)
{
	static const char *const shells[] = {"sh", "bash", "dash", "ash", "ksh", "zsh"};
	const char *name;
	size_t len;

	if (text == NULL)
		return NULL;
	if (strncmp(text, "#!", 2) == 0) {
		len = interpreter(text, &name);
		for (size_t n = 0; n < COUNT_OF(shells); n++)
			if (strlen(shells[n]) == len &&
				strncmp(shells[n], name, len) == 0)
				return NULL;
	}
	return "dead_man puts a guard in front of a shell script; this begins with no #! of a "
	       "shell";
}

char *
dead_man_add(const char *text, int64_t life_ms)
{
	const char *script = text != NULL ? text : "#!/bin/sh\n";
	size_t line = strcspn(script, "\n");
	int64_t life = (life_ms + 999) / 1000;
	int64_t step = life / STEPS;
	struct buf out = {0};

	if (step < 1)
		step = 1;
	buf_add(&out, script, line);
	buf_putc(&out, '\n');
	buf_printf(&out,
		"# ec2workerd, dead_man: switches this machine off when its lease is not "
		"renewed.\n( ( life=%" PRId64 " step=%" PRId64 "\n",
		life, step > STEP_MAX_S ? STEP_MAX_S : step);
	buf_puts(&out, guard);
	buf_puts(&out, script[line] == '\n' ? script + line + 1 : "");
	return buf_take(&out);
}
