/* SPDX-License-Identifier: Apache-2.0 */
#include "look_rig.h"

#include "base/err.h"
#include "scratch.h"
#include "sys/file.h"
#include "sys/http.h"
#include "sys/loop.h"
#include "unit.h"

#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

struct look_rig look_rig;

void
look_setup(void)
{
	struct err err = {0};

	unsetenv("http_proxy");
	unsetenv("all_proxy");
	scratch_setup();
	ck_assert_int_eq(mkdir(".aws", 0700), 0);
	setenv("HOME", scratch_path(), 1);
	look_rig.loop = loop_new(&err);
	look_rig.http = http_new(look_rig.loop, "ec2workerd/test", &err);
	ck_assert_ptr_nonnull(look_rig.http);
	talk_start(&look_rig.talk, look_rig.loop);
}

void
look_teardown(void)
{
	http_free(look_rig.http);
	talk_stop(&look_rig.talk);
	loop_free(look_rig.loop);
	scratch_teardown();
}

void
look_write(const char *name, mode_t mode, const char *text)
{
	struct err err = {0};

	ck_assert_msg(file_write(name, mode, text, strlen(text), &err) == 0, "%s",
		err.text);
}

void
on_look(void *arg, enum look look, struct keyset *keys, const struct err *err)
{
	struct found *f = arg;

	f->count++;
	f->look = (int)look;
	ck_assert_int_eq(look == LOOK_FOUND, keys != NULL);
	f->text = keys != NULL
		? xasprintf("%s %s %s", keys->id, keys->secret.text, keys->token.text)
		: xstrdup(err->text);
	f->code = keys != NULL ? ERR_NONE : (int)err->code;
	f->reason = keys != NULL ? REASON_NONE : (int)err->reason;
	(void)snprintf(f->origin, sizeof(f->origin), "%s",
		keys != NULL ? "" : err->origin);
}

void
found_wait(const struct found *f)
{
	ck_assert_uint_eq(f->count, 0);
	while (f->count == 0)
		loop_turn(look_rig.loop, true);
	ck_assert_uint_eq(f->count, 1);
}

void
found_fini(struct found *f)
{
	free(f->text);
	*f = (struct found){0};
}

void
look_linger(void)
{
	for (int turn = 0; turn < 50; turn++)
		loop_turn(look_rig.loop, false);
}
