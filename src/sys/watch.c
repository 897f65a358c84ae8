/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the events say is not read: whoever is told looks for himself, for they may be many
 * and old.
 */
#include "sys/watch.h"
#include "base/err.h"
#include "base/mem.h"
#include "sys/loop.h"

#include <errno.h>
#include <string.h>
#include <sys/inotify.h>
#include <unistd.h>

#define COMES_OR_GOES (IN_CREATE | IN_DELETE | IN_MOVED_FROM | IN_MOVED_TO | IN_ONLYDIR)

struct watch {
	int fd;
	struct loop_fd *ready;
	watch_fn *fn;
	void *arg;
};

static void
on_ready(void *arg, int fd, unsigned what)
{
	struct watch *w = arg;
	char events[4096];

	(void)what;
	while (read(fd, events, sizeof(events)) > 0)
		;
	w->fn(w->arg);
}

/* The directory that holds path. The caller's. */
static char *
directory_of(const char *path)
{
	const char *slash = strrchr(path, '/');

	if (slash == NULL)
		return xstrdup(".");
	return xstrndup(path, slash == path ? 1 : (size_t)(slash - path));
}

struct watch *
watch_new(struct loop *loop, const char *path, watch_fn *fn, void *arg, struct err *err)
{
	AUTO(free) char *directory = directory_of(path);
	int fd = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
	struct watch *w;

	if (fd < 0 || inotify_add_watch(fd, directory, COMES_OR_GOES) < 0) {
		err_set_errno(err, ERR_IO, errno, "cannot watch %s", directory);
		if (fd >= 0)
			close(fd);
		return NULL;
	}
	w = NEW(struct watch);
	w->fd = fd;
	w->fn = fn;
	w->arg = arg;
	w->ready = loop_fd_new(loop, fd, LOOP_READ, on_ready, w);
	return w;
}

void
watch_free(struct watch *w)
{
	if (w == NULL)
		return;
	loop_fd_free(w->ready);
	close(w->fd);
	free(w);
}
