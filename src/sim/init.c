/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A small init: one script, signals taken one by one by sigtimedwait, and descendants
 * found in /proc, since a daemon leaves its process group. Everything here runs in the
 * child alone; it frees nothing, for it ends by _exit.
 */
#include "sim/init.h"

#include "base/mem.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define SHUTDOWN_GRACE_S 5
#define POWER_OFF_GRACE_S 2
#define LOOK_AGAIN_MS 50 /* after a signal to the group: who is left? */
#define KILL_AGAIN_MS 10
#define KILL_ROUNDS 200
#define PROCESSES_MAX 65536

struct state {
	pid_t script;       /* 0 when it has ended */
	bool empty;         /* no child is left */
	bool off;           /* going down */
	int64_t kill_at_ms; /* when those that are left are killed; meaningful when off */
	bool asked; /* descendants outside the script's group have been told as well */
};

/* On the console: the machine's own stderr. */
static void
complain(const char *what)
{
	AUTO(free) char *line = xasprintf("ec2sim: %s: %s\n", what, strerror(errno));

	(void)!write(2, line, strlen(line));
}

static int64_t
now_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

static void
reset_signals(void)
{
	for (int n = 1; n < NSIG; n++)
		(void)signal(n, SIG_DFL); /* some cannot be, and need not */
}

static void
redirect(int out)
{
	int null = open("/dev/null", O_RDWR | O_CLOEXEC);

	if (null < 0 || dup2(null, 0) < 0 || dup2(out, 1) < 0 || dup2(out, 2) < 0)
		_exit(126);
	(void)close_range(3, ~0U, 0);
}

static _Noreturn void
run_script(const struct sim_init *init)
{
	char *const itself[] = {(char *)(uintptr_t)init->script, NULL};
	char *const by_shell[] = {(char *)(uintptr_t) "/bin/sh",
		(char *)(uintptr_t)init->script, NULL};
	sigset_t none;

	(void)setpgid(0, 0);
	(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	/* Without #! the kernel says ENOEXEC, from a noexec directory EACCES. */
	execve(init->script, itself, init->env);
	if (errno == ENOEXEC || errno == EACCES)
		execve("/bin/sh", by_shell, init->env);
	complain("the user data cannot be run");
	_exit(126);
}

static void
start_script(const struct sim_init *init, struct state *s)
{
	s->script = fork();
	if (s->script == 0)
		run_script(init);
	if (s->script < 0) {
		complain("fork");
		s->script = 0;
		return;
	}
	/* Here as well, so that no signal to the group comes too early. */
	(void)setpgid(s->script, s->script);
}

static void
reap(struct state *s)
{
	pid_t pid;

	while ((pid = waitpid(-1, NULL, WNOHANG)) > 0)
		if (pid == s->script)
			s->script = 0;
	s->empty = pid < 0 && errno == ECHILD;
}

/* The parent of a process, from the fourth field of its stat; 0 if it is gone. */
static pid_t
parent_of(const char *pid)
{
	char path[64];
	char text[512];
	const char *end;
	ssize_t len;
	int ppid = 0;
	int fd;

	(void)snprintf(path, sizeof(path), "/proc/%.20s/stat", pid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return 0;
	len = read(fd, text, sizeof(text) - 1);
	close(fd);
	if (len <= 0)
		return 0;
	text[len] = '\0';
	end = strrchr(text, ')'); /* the name before it may hold anything */
	/* analyze: cert-err34-c: the kernel writes an int */
	if (end == NULL || sscanf(end + 1, " %*c %d", &ppid) != 1)
		return 0;
	return ppid;
}

struct process {
	pid_t pid, parent;
	bool ours;
};

static size_t
list_processes(struct process *list, size_t max)
{
	DIR *dir = opendir("/proc");
	const struct dirent *entry;
	size_t count = 0;

	while (dir != NULL && count < max && (entry = readdir(dir)) != NULL) {
		if (entry->d_name[0] < '1' || entry->d_name[0] > '9')
			continue;
		list[count++] = (struct process){(pid_t)strtol(entry->d_name, NULL, 10),
			parent_of(entry->d_name), false};
	}
	if (dir != NULL)
		closedir(dir);
	return count;
}

/* Marks those whose parent is marked; true if any was new. */
static bool
spread(struct process *list, size_t count, pid_t self)
{
	bool found = false;

	for (size_t n = 0; n < count; n++) {
		if (list[n].ours)
			continue;
		for (size_t m = 0; m < count && list[n].parent != self; m++)
			if (list[m].ours && list[m].pid == list[n].parent)
				list[n].ours = true;
		list[n].ours = list[n].ours || list[n].parent == self;
		found = found || list[n].ours;
	}
	return found;
}

/* Sends a signal to all below us, in whatever group or session they are. */
static void
signal_descendants(int signum)
{
	struct process *list = xcalloc(PROCESSES_MAX, sizeof(*list));
	size_t count;

	count = list_processes(list, PROCESSES_MAX);
	while (spread(list, count, getpid()))
		;
	for (size_t n = 0; n < count; n++)
		if (list[n].ours)
			(void)kill(list[n].pid, signum);
	free(list);
}

static void
signal_group(const struct state *s, int signum)
{
	/* Only while the script lives is its group surely its own. */
	if (s->script != 0)
		(void)kill(-s->script, signum);
}

static _Noreturn void
cut(struct state *s)
{
	static const struct timespec pause = {0, KILL_AGAIN_MS * 1000000};

	signal_group(s, SIGKILL);
	reap(s);
	for (int n = 0; n < KILL_ROUNDS && !s->empty; n++) {
		signal_descendants(SIGKILL);
		nanosleep(&pause, NULL);
		reap(s);
	}
	_exit(0);
}

static void
go_down(struct state *s, int grace_s)
{
	if (s->off)
		return;
	s->off = true;
	s->kill_at_ms = now_ms() + grace_s * 1000;
	signal_group(s, SIGTERM);
}

/* The next of the signals we are about, or 0 after a while. */
static int
next_signal(const struct state *s)
{
	static const struct timespec soon = {0, LOOK_AGAIN_MS * 1000000};
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGCHLD);
	sigaddset(&set, SIM_INIT_SHUTDOWN);
	sigaddset(&set, SIM_INIT_CUT);
	sigaddset(&set, SIM_INIT_POWER_OFF);
	return s->off ? sigtimedwait(&set, NULL, &soon) : sigwaitinfo(&set, NULL);
}

static void
take_signal(struct state *s, int signum)
{
	if (signum == SIM_INIT_CUT)
		cut(s);
	if (signum == SIM_INIT_SHUTDOWN)
		go_down(s, SHUTDOWN_GRACE_S);
	if (signum == SIM_INIT_POWER_OFF)
		go_down(s, POWER_OFF_GRACE_S);
	reap(s);
	if (!s->off)
		return;
	if (s->empty)
		_exit(0);
	if (signum < 0 && !s->asked) {
		s->asked = true;
		signal_descendants(SIGTERM);
	}
	if (now_ms() >= s->kill_at_ms)
		cut(s);
}

_Noreturn void
sim_init_run(const struct sim_init *init)
{
	struct state s = {0};

	reset_signals();
	(void)prctl(PR_SET_PDEATHSIG, SIM_INIT_SHUTDOWN);
	if (getppid() != init->parent)
		_exit(0);
	(void)prctl(PR_SET_CHILD_SUBREAPER, 1);
	(void)setsid();
	redirect(init->out);
	if (chdir(init->dir) != 0)
		_exit(126);
	start_script(init, &s);
	for (;;)
		take_signal(&s, next_signal(&s));
}
