/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Decides where we listen and who is at the other end: the directory must be safe, the
 * socket is bound beside its place and renamed, and a process without descriptors rests
 * instead of spinning. Connections are sock_conn.c's.
 */
#include "sys/sock.h"
#include "base/err.h"
#include "base/log.h"
#include "base/mem.h"
#include "sys/account.h"
#include "sys/loop.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#define ACCEPTS_A_TURN 64
#define FULL_REST_MS 1000
#define GROUPS_GUESS 64

struct sock_listener {
	struct loop *loop; /* borrowed, outlives us */
	int fd;
	struct loop_fd *watch;
	struct loop_timer rest; /* until we accept again after EMFILE */
	int reserve_fd;         /* given up to accept one more at EMFILE */
	bool full;              /* EMFILE was logged and has not passed */
	bool *ret_freed;        /* set when we are freed in our own callback */
	sock_accept_fn *fn;
	void *arg;

	char *path; /* NULL when systemd made the socket; so below */
	mode_t mode;
	char *group;
	dev_t dev;
	ino_t ino;
};

/* A path taken apart: all work is relative to the directory that was checked. */
struct place {
	int dir_fd;
	const char *path, *name; /* borrowed; name is the path's end */
};

static int
place_open(const char *path, struct place *ret_place, struct err *err)
{
	const char *slash = strrchr(path, '/');
	AUTO(free)
	char *dir = slash == NULL ? xstrdup(".")
				  : xstrndup(path, (size_t)(slash - path + 1));
	const char *name = slash == NULL ? path : slash + 1;
	int fd;

	if (name[0] == '\0')
		return err_set(err, ERR_CONFIG, "%s: not the name of a socket", path);
	fd = open(dir, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return err_set_errno(err, ERR_CONFIG, errno, "directory %s", dir);
	*ret_place = (struct place){.dir_fd = fd, .path = path, .name = name};
	return 0;
}

/* Whoever may write into the directory could put his own socket in our place. */
static int
place_check(const struct place *p, struct err *err)
{
	struct stat st;

	if (fstat(p->dir_fd, &st) != 0)
		return err_set_errno(err, ERR_CONFIG, errno, "directory of %s",
			p->path);
	if (st.st_uid != 0 && st.st_uid != geteuid())
		return err_set(err, ERR_CONFIG,
			"%s: the directory belongs to uid %u; it must be root's or ours",
			p->path, (unsigned)st.st_uid);
	if ((st.st_mode & S_IWOTH) ||
		((st.st_mode & S_IWGRP) && st.st_gid != 0 && st.st_gid != getegid()))
		return err_set(err, ERR_CONFIG,
			"%s: the directory can be written by others (mode %04o)",
			p->path, (unsigned)st.st_mode & 07777u);
	return 0;
}

/* The address of a name in the directory, by way of /proc: there is no bindat(). */
static int
place_address(const struct place *p, const char *name, struct sockaddr_un *ret_sun,
	struct err *err)
{
	struct sockaddr_un sun = {.sun_family = AF_UNIX};
	int len = snprintf(sun.sun_path, sizeof(sun.sun_path), "/proc/self/fd/%d/%s",
		p->dir_fd, name);

	if (len < 0 || (size_t)len >= sizeof(sun.sun_path))
		return err_set(err, ERR_CONFIG, "%s: the name is too long", p->path);
	*ret_sun = sun;
	return 0;
}

static int
connect_to(const struct sockaddr_un *sun, int flags)
{
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | flags, 0);
	int saved;

	if (fd < 0 || connect(fd, (const struct sockaddr *)sun, sizeof(*sun)) == 0)
		return fd;
	saved = errno;
	close(fd);
	errno = saved;
	return -1;
}

/* 0 if the place is empty or holds a socket nobody listens on. */
static int
place_probe(const struct place *p, struct err *err)
{
	struct sockaddr_un sun;
	struct stat st;
	int fd;

	if (fstatat(p->dir_fd, p->name, &st, AT_SYMLINK_NOFOLLOW) != 0)
		return errno == ENOENT
			? 0
			: err_set_errno(err, ERR_CONFIG, errno, "%s", p->path);
	if (!S_ISSOCK(st.st_mode))
		return err_set(err, ERR_CONFIG, "%s: is there and is no socket",
			p->path);
	if (place_address(p, p->name, &sun, err) != 0)
		return -1;
	fd = connect_to(&sun, SOCK_NONBLOCK);
	if (fd < 0 && (errno == ECONNREFUSED || errno == ENOENT))
		return 0;
	/* EAGAIN: a full queue, but somebody has it. */
	if (fd < 0 && errno != EAGAIN)
		return err_set_errno(err, ERR_CONFIG, errno, "%s: is there", p->path);
	if (fd >= 0)
		close(fd);
	return err_set(err, ERR_CONFIG, "%s: another process listens there", p->path);
}

static int
find_group(const char *name, gid_t *ret_gid, struct err *err)
{
	char *end;
	unsigned long number;

	if (account_group(name, ret_gid))
		return 0;
	errno = 0;
	number = strtoul(name, &end, 10);
	if (name[0] < '0' || name[0] > '9' || *end != '\0' || errno != 0 ||
		number >= (gid_t)-1)
		return err_set(err, ERR_CONFIG, "group %s: not known", name);
	*ret_gid = (gid_t)number;
	return 0;
}

/* Group first: a chown may take bits of the mode away. */
static int
place_protect(const struct place *p, const char *name, const struct sock_listener *l,
	struct err *err)
{
	struct stat st;
	gid_t gid = (gid_t)-1;

	if (l->group != NULL) {
		if (find_group(l->group, &gid, err) != 0)
			return -1;
		if (fstatat(p->dir_fd, name, &st, AT_SYMLINK_NOFOLLOW) != 0)
			return err_set_errno(err, ERR_CONFIG, errno, "%s", p->path);
		if (st.st_gid != gid &&
			fchownat(p->dir_fd, name, (uid_t)-1, gid,
				AT_SYMLINK_NOFOLLOW) != 0)
			return err_set_errno(err, ERR_CONFIG, errno,
				"%s: cannot give it to group %s", p->path, l->group);
	}
	if (fchmodat(p->dir_fd, name, l->mode, 0) != 0)
		return err_set_errno(err, ERR_CONFIG, errno, "%s: chmod", p->path);
	return 0;
}

/* Makes the socket `name` ready to be connected to, before it comes to its place. */
static int
place_bind(const struct place *p, const char *name, const struct sock_listener *l,
	int fd, struct err *err)
{
	struct sockaddr_un sun;
	mode_t saved;
	int failed;

	if (place_address(p, name, &sun, err) != 0)
		return -1;
	saved = umask(0177);
	failed = bind(fd, (const struct sockaddr *)&sun, sizeof(sun));
	umask(saved);
	if (failed)
		return err_set_errno(err, ERR_CONFIG, errno, "%s: bind", p->path);
	if (place_protect(p, name, l, err) != 0)
		return -1;
	if (listen(fd, SOMAXCONN) != 0)
		return err_set_errno(err, ERR_IO, errno, "%s: listen", p->path);
	return 0;
}

/* Binds beside the place and renames; fills dev and ino. */
static int
place_take(const struct place *p, struct sock_listener *l, int fd, struct err *err)
{
	AUTO(free) char *beside = xasprintf(".%s.%d", p->name, (int)getpid());
	struct stat st;

	(void)unlinkat(p->dir_fd, beside, 0); /* of an earlier process with our pid */
	if (place_bind(p, beside, l, fd, err) != 0) {
		(void)unlinkat(p->dir_fd, beside, 0); /* it may not be there */
		return -1;
	}
	if (fstatat(p->dir_fd, beside, &st, AT_SYMLINK_NOFOLLOW) != 0 ||
		renameat(p->dir_fd, beside, p->dir_fd, p->name) != 0) {
		err_set_errno(err, ERR_CONFIG, errno, "%s: rename", p->path);
		(void)unlinkat(p->dir_fd, beside, 0); /* the error is told already */
		return -1;
	}
	l->dev = st.st_dev;
	l->ino = st.st_ino;
	return 0;
}

/* A listening descriptor at l->path, or -1. */
static int
listener_open(struct sock_listener *l, struct err *err)
{
	struct place place;
	int fd = -1;

	if (place_open(l->path, &place, err) != 0)
		return -1;
	if (place_check(&place, err) == 0 && place_probe(&place, err) == 0) {
		fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
		if (fd < 0) {
			err_set_errno(err, ERR_IO, errno, "socket");
		} else if (place_take(&place, l, fd, err) != 0) {
			close(fd);
			fd = -1;
		}
	}
	close(place.dir_fd);
	return fd;
}

static int
open_reserve(void)
{
	return open("/dev/null", O_RDONLY | O_CLOEXEC);
}

/* Whoever waits longest learns at once that there is no room; the others wait on. */
static void
turn_one_away(struct sock_listener *l)
{
	int fd;

	if (l->reserve_fd < 0)
		return;
	close(l->reserve_fd);
	fd = accept4(l->fd, NULL, NULL, SOCK_CLOEXEC);
	if (fd >= 0)
		close(fd);
	l->reserve_fd = open_reserve();
}

/* A ready listener that cannot accept would make the loop spin, so it is not watched. */
static void
listener_rest(struct sock_listener *l, int errnum)
{
	if (!l->full)
		log_warning(NULL, "cannot accept connections for now: %s",
			strerror(errnum));
	l->full = true;
	turn_one_away(l);
	loop_fd_want(l->watch, 0);
	loop_timer_in(&l->rest, FULL_REST_MS);
}

static void
on_rest_over(void *arg)
{
	struct sock_listener *l = arg;

	if (l->reserve_fd < 0)
		l->reserve_fd = open_reserve();
	loop_fd_want(l->watch, LOOP_READ);
}

/* Whether another accept may follow. */
static bool
accept_one(struct sock_listener *l)
{
	bool freed = false;
	int fd = accept4(l->fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);

	if (fd >= 0) {
		/* analyze: autoVariables: taken back below, while there is one */
		l->ret_freed = &freed;
		l->fn(l->arg, fd);
		if (!freed)
			l->ret_freed = NULL;
		return !freed;
	}
	if (errno == EINTR || errno == ECONNABORTED)
		return true;
	if (errno == EAGAIN)
		l->full = false;
	else
		listener_rest(l, errno);
	return false;
}

static void
on_acceptable(void *arg, int fd, unsigned what)
{
	struct sock_listener *l = arg;

	(void)fd;
	(void)what;
	for (int i = 0; i < ACCEPTS_A_TURN && accept_one(l); i++)
		;
}

static struct sock_listener *
listener_new(struct loop *loop, sock_accept_fn *fn, void *arg)
{
	struct sock_listener *l = NEW(struct sock_listener);

	l->loop = loop;
	l->fd = -1;
	l->reserve_fd = open_reserve();
	l->fn = fn;
	l->arg = arg;
	loop_timer_init(&l->rest, loop, on_rest_over, l);
	return l;
}

static void
listener_watch(struct sock_listener *l, int fd)
{
	loop_fd_free(l->watch);
	if (l->fd >= 0)
		close(l->fd);
	l->fd = fd;
	l->watch = loop_fd_new(l->loop, fd, LOOP_READ, on_acceptable, l);
	loop_timer_clear(&l->rest);
}

struct sock_listener *
sock_listen_at(struct loop *loop, const struct sock_where *where, sock_accept_fn *fn,
	void *arg, struct err *err)
{
	struct sock_listener *l = listener_new(loop, fn, arg);
	int fd;

	l->path = xstrdup(where->path);
	l->mode = where->mode;
	l->group = xstrdup_opt(where->group);
	fd = listener_open(l, err);
	if (fd < 0) {
		sock_listener_free(l);
		return NULL;
	}
	listener_watch(l, fd);
	return l;
}

struct sock_listener *
sock_listen_fd(struct loop *loop, int fd, sock_accept_fn *fn, void *arg)
{
	struct sock_listener *l = listener_new(loop, fn, arg);

	(void)fcntl(fd, F_SETFD, FD_CLOEXEC); /* cannot fail on an open descriptor */
	(void)fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK);
	listener_watch(l, fd);
	return l;
}

bool
sock_listener_is_lost(const struct sock_listener *l)
{
	struct stat st;

	if (l->path == NULL)
		return false;
	return lstat(l->path, &st) != 0 || st.st_dev != l->dev || st.st_ino != l->ino;
}

int
sock_listener_rebind(struct sock_listener *l, struct err *err)
{
	int fd;

	assert(l->path != NULL);
	fd = listener_open(l, err);
	if (fd < 0)
		return -1;
	listener_watch(l, fd);
	return 0;
}

void
sock_listener_free(struct sock_listener *l)
{
	if (l == NULL)
		return;
	if (l->ret_freed != NULL)
		*l->ret_freed = true;
	loop_timer_clear(&l->rest);
	loop_fd_free(l->watch);
	if (l->fd >= 0 && l->path != NULL && !sock_listener_is_lost(l))
		(void)unlink(l->path); /* the next start copes with what stays */
	if (l->fd >= 0)
		close(l->fd);
	if (l->reserve_fd >= 0)
		close(l->reserve_fd);
	free(l->path);
	free(l->group);
	free(l);
}

static int
peer_groups(int fd, struct sock_peer *peer)
{
	socklen_t size = GROUPS_GUESS * sizeof(gid_t);
	gid_t *groups = xmalloc(size);

	/* ERANGE comes with the size it takes, which may have grown again meanwhile. */
	while (getsockopt(fd, SOL_SOCKET, SO_PEERGROUPS, groups, &size) != 0) {
		if (errno != ERANGE || size > SOCK_GROUPS_MAX * sizeof(gid_t)) {
			free(groups);
			return -1;
		}
		groups = xrealloc(groups, size);
	}
	peer->groups = groups;
	peer->group_count = size / sizeof(gid_t);
	return 0;
}

int
sock_peer(int fd, struct sock_peer *ret_peer, struct err *err)
{
	struct sock_peer peer = {0};
	struct ucred cred;
	socklen_t size = sizeof(cred);

	if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &cred, &size) != 0)
		return err_set_errno(err, ERR_IO, errno, "SO_PEERCRED");
	peer.uid = cred.uid;
	peer.gid = cred.gid;
	if (peer_groups(fd, &peer) != 0)
		return err_set_errno(err, ERR_IO, errno, "SO_PEERGROUPS");
	*ret_peer = peer;
	return 0;
}

void
sock_peer_fini(struct sock_peer *peer)
{
	free(peer->groups);
	peer->groups = NULL;
	peer->group_count = 0;
}

static int
connect_or_say(const struct sockaddr_un *sun, const char *path, struct err *err)
{
	int fd = connect_to(sun, 0);

	if (fd < 0)
		return err_set_errno(err, ERR_UNAVAILABLE, errno,
			"cannot connect to %s", path);
	return fd;
}

/* A path for which an address has no room. */
static int
connect_long(const char *path, struct err *err)
{
	struct sockaddr_un sun;
	struct place place;
	int fd = -1;

	if (place_open(path, &place, err) != 0)
		return -1;
	if (place_address(&place, place.name, &sun, err) == 0)
		fd = connect_or_say(&sun, path, err);
	close(place.dir_fd);
	return fd;
}

int
sock_connect(const char *path, struct err *err)
{
	struct sockaddr_un sun = {.sun_family = AF_UNIX};
	int fd;

	if (strlen(path) < sizeof(sun.sun_path)) {
		memcpy(sun.sun_path, path, strlen(path) + 1);
		return connect_or_say(&sun, path, err);
	}
	fd = connect_long(path, err);
	if (fd < 0 && err != NULL)
		err->code = ERR_UNAVAILABLE;
	return fd;
}
