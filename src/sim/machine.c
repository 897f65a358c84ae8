/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The simulator's side of a machine: files, fork, console, the end. An instance lets go
 * of its machine at the cut; the machine lives on until its init has been reaped.
 */
#include "sim/machine.h"

#include "base/buf.h"
#include "base/clock.h"
#include "base/err.h"
#include "base/log.h"
#include "base/mem.h"
#include "sim/init.h"
#include "sim/instance.h"
#include "sys/file.h"
#include "sys/loop.h"

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#include <utlist.h>

#define PIPE_READ 65536
#define END_WAIT_MS 3000 /* for init processes, when the simulator ends */

struct sim_machine {
	struct sim_machines *owner;
	struct sim_instance *instance; /* borrowed; NULL after the cut */
	pid_t init;
	int out; /* console, our end */
	struct loop_fd *watch;
	char *dir;
	struct sim_machine *prev, *next;
};

struct sim_machines {
	struct loop *loop; /* borrowed */
	sim_machine_fn *on_off;
	void *arg;
	struct loop_signal *child;
	char *dir; /* of all; shims stand in bin below it */
	char *url; /* of the simulator */
	struct sim_machine *list;
};

/* What poweroff and its like are for user data: a word to init. */
static const char shim[] =
	"#!/bin/sh\n"
	"# Ends the instance this script runs on. shutdown takes a time: now, +MINUTES.\n"
	"for word; do\n"
	"\tcase $word in\n"
	"\t+0) ;;\n"
	"\t+[0-9]*) (sleep $((${word#+} * 60)); kill -USR1 \"$EC2SIM_INIT\") & exit 0 ;;\n"
	"\tesac\n"
	"done\n"
	"kill -USR1 \"$EC2SIM_INIT\"\n"; /* the shell's own: kill(1) may be missing */

static const char *const shims[] = {"poweroff", "halt", "shutdown", NULL};

static int
remove_entry(const char *path, const struct stat *st, int type, struct FTW *at)
{
	(void)st;
	(void)type;
	(void)at;
	(void)remove(
		path); /* what cannot be removed stays in the temporary directory */
	return 0;
}

static void
remove_tree(const char *path)
{
	(void)nftw(path, remove_entry, 16, FTW_DEPTH | FTW_PHYS);
}

static int
write_script(const char *path, const void *data, size_t len, struct err *err)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0700);
	ssize_t n = 0;

	if (fd < 0)
		return err_set_errno(err, ERR_IO, errno, "%s", path);
	if (len > 0)
		n = write(fd, data, len);
	if (n < 0 || (size_t)n != len) {
		err_set_errno(err, ERR_IO, n < 0 ? errno : ENOSPC, "%s", path);
		close(fd);
		return -1;
	}
	close(fd);
	return 0;
}

static int
make_shims(const char *dir, struct err *err)
{
	AUTO(free) char *bin = xasprintf("%s/bin", dir);

	if (mkdir(bin, 0700) != 0)
		return err_set_errno(err, ERR_IO, errno, "%s", bin);
	for (size_t n = 0; shims[n] != NULL; n++) {
		AUTO(free) char *path = xasprintf("%s/%s", bin, shims[n]);

		if (write_script(path, shim, strlen(shim), err) != 0)
			return -1;
	}
	return 0;
}

static void
machine_free(struct sim_machine *m)
{
	if (m->instance != NULL)
		m->instance->machine = NULL;
	DL_DELETE(m->owner->list, m);
	loop_fd_free(m->watch);
	if (m->out >= 0)
		close(m->out);
	remove_tree(m->dir);
	free(m->dir);
	free(m);
}

/* Reads what there is. False at the end of file. */
static bool
read_console(struct sim_machine *m)
{
	char data[PIPE_READ];
	ssize_t len = read(m->out, data, sizeof(data));

	if (len > 0 && m->instance != NULL)
		sim_instance_print(m->instance, data, (size_t)len);
	return len > 0 || (len < 0 && (errno == EAGAIN || errno == EINTR));
}

static void
on_console(void *arg, int fd, unsigned what)
{
	struct sim_machine *m = arg;

	(void)fd;
	(void)what;
	if (read_console(m))
		return;
	loop_fd_free(m->watch);
	m->watch = NULL;
}

/* Init is gone, and so is all that was below it. */
static void
on_end(struct sim_machine *m)
{
	struct sim_machines *ms = m->owner;
	struct sim_instance *i = m->instance;

	for (int n = 0; n < 64 && m->watch != NULL && read_console(m); n++)
		;
	machine_free(m);
	if (i != NULL)
		ms->on_off(ms->arg, i);
}

static void
reap(struct sim_machines *ms)
{
	struct sim_machine *m;
	struct sim_machine *next;

	DL_FOREACH_SAFE(ms->list, m, next) {
		if (waitpid(m->init, NULL, WNOHANG) == m->init)
			on_end(m);
	}
}

static void
on_child(void *arg)
{
	reap(arg);
}

struct sim_machines *
sim_machines_new(struct loop *loop, sim_machine_fn *on_off, void *arg, struct err *err)
{
	struct sim_machines *ms = NEW(struct sim_machines);
	const char *tmp = getenv("TMPDIR");

	ms->loop = loop;
	ms->on_off = on_off;
	ms->arg = arg;
	ms->dir = xasprintf("%s/ec2sim-XXXXXX",
		tmp != NULL && tmp[0] == '/' ? tmp : "/tmp");
	if (mkdtemp(ms->dir) == NULL) {
		err_set_errno(err, ERR_IO, errno, "%s", ms->dir);
		free(ms->dir);
		free(ms);
		return NULL;
	}
	ms->child = loop_signal_new(loop, SIGCHLD, on_child, ms);
	if (make_shims(ms->dir, err) != 0) {
		sim_machines_free(ms);
		return NULL;
	}
	return ms;
}

void
sim_machines_set_url(struct sim_machines *ms, const char *url)
{
	free(ms->url);
	ms->url = xstrdup(url);
}

/* The environment of user data: small, but with our PATH, where its tools are. */
static void
make_env(const struct sim_machine *m, const struct sim_instance *i, struct strings *env)
{
	const char *path = getenv("PATH");
	const char *user = getenv("USER");
	struct {
		const char *name, *value;
	} vars[] = {
		{"HOME", m->dir},
		{"LANG", "C.UTF-8"},
		{"USER", user != NULL ? user : "root"},
		{"EC2SIM_INSTANCE_ID", i->id},
		{"EC2SIM_INSTANCE_TYPE", i->launch->type},
		{"EC2SIM_REGION", i->launch->region},
		{"EC2SIM_ZONE", i->launch->zone},
	};
	AUTO(buf) struct buf text = {0};

	buf_printf(&text, "PATH=%s/bin:%s", m->owner->dir,
		path != NULL
			? path
			: "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin");
	strings_add(env, buf_str(&text));
	for (size_t n = 0; n < COUNT_OF(vars); n++) {
		buf_clear(&text);
		buf_printf(&text, "%s=%s", vars[n].name, vars[n].value);
		strings_add(env, buf_str(&text));
	}
	buf_clear(&text);
	buf_printf(&text, "EC2SIM_LAUNCH_INDEX=%zu", i->index);
	strings_add(env, buf_str(&text));
	buf_clear(&text);
	buf_printf(&text, "AWS_EC2_METADATA_SERVICE_ENDPOINT=%s/imds/%s", m->owner->url,
		i->id);
	strings_add(env, buf_str(&text));
}

/* Forks init. Returns its pid, or -1. */
static pid_t
fork_init(const struct sim_machine *m, const struct sim_instance *i, const char *script,
	int out)
{
	struct strings env = {0};
	struct sim_init init = {.dir = m->dir,
		.script = script,
		.out = out,
		.parent = getpid()};
	sigset_t all;
	sigset_t before;
	pid_t pid;

	make_env(m, i, &env);
	sigfillset(&all);
	sigprocmask(SIG_SETMASK, &all, &before);
	pid = fork();
	if (pid == 0) {
		char self[32];

		(void)snprintf(self, sizeof(self), "EC2SIM_INIT=%d", (int)getpid());
		strings_add(&env, self);
		init.env = env.items;
		sim_init_run(&init);
	}
	sigprocmask(SIG_SETMASK, &before, NULL);
	strings_fini(&env);
	return pid;
}

static int
start(struct sim_machine *m, struct sim_instance *i, struct err *err)
{
	AUTO(free) char *script = xasprintf("%s/user-data", m->dir);
	const struct buf *data = i->launch->user_data;
	int ends[2];

	if (mkdir(m->dir, 0700) != 0)
		return err_set_errno(err, ERR_IO, errno, "%s", m->dir);
	if (write_script(script, data->data, data->len, err) != 0)
		return -1;
	if (pipe2(ends, O_CLOEXEC) != 0)
		return err_set_errno(err, ERR_IO, errno, "pipe");
	m->out = ends[0];
	(void)fcntl(m->out, F_SETFL, O_NONBLOCK);
	m->init = fork_init(m, i, script, ends[1]);
	close(ends[1]);
	if (m->init < 0)
		return err_set_errno(err, ERR_IO, errno, "fork");
	m->watch = loop_fd_new(m->owner->loop, m->out, LOOP_READ, on_console, m);
	return 0;
}

int
sim_machine_boot(struct sim_machines *ms, struct sim_instance *i, struct err *err)
{
	struct sim_machine *m;

	if (i->launch->user_data == NULL || i->launch->user_data->len == 0)
		return 0;
	m = NEW(struct sim_machine);
	m->owner = ms;
	m->out = -1;
	m->dir = xasprintf("%s/%s.%lld", ms->dir, i->id, (long long)clock_ms());
	DL_APPEND(ms->list, m);
	if (start(m, i, err) != 0) {
		machine_free(m);
		return -1;
	}
	m->instance = i;
	i->machine = m;
	return 0;
}

void
sim_machine_shut_down(struct sim_machines *ms, struct sim_instance *i)
{
	(void)ms;
	if (i->machine != NULL)
		(void)kill(i->machine->init, SIM_INIT_SHUTDOWN);
}

void
sim_machine_cut(struct sim_machines *ms, struct sim_instance *i)
{
	struct sim_machine *m = i->machine;

	(void)ms;
	if (m == NULL)
		return;
	if (m->watch != NULL)
		(void)read_console(m);
	m->instance = NULL;
	i->machine = NULL;
	(void)kill(m->init, SIM_INIT_CUT);
}

static void
cut_all(struct sim_machines *ms)
{
	const struct timespec pause = {0, 5000000};
	int64_t until = clock_ms() + END_WAIT_MS;
	struct sim_machine *m, *next;

	DL_FOREACH(ms->list, m) {
		if (m->instance != NULL)
			m->instance->machine = NULL;
		m->instance = NULL;
		(void)kill(m->init, SIM_INIT_CUT);
	}
	/* Nothing else is served any more: waiting here blocks nobody. */
	for (reap(ms); ms->list != NULL && clock_ms() < until; reap(ms))
		nanosleep(&pause, NULL);
	DL_FOREACH_SAFE(ms->list, m, next) {
		log_warning(NULL, "process %d outlived its machine", (int)m->init);
		(void)kill(m->init, SIGKILL);
		(void)waitpid(m->init, NULL, 0);
		machine_free(m);
	}
}

void
sim_machines_free(struct sim_machines *ms)
{
	if (ms == NULL)
		return;
	cut_all(ms);
	loop_signal_free(ms->child);
	remove_tree(ms->dir);
	free(ms->dir);
	free(ms->url);
	free(ms);
}
