/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Tells when names in a directory come or go (inotify(7)), so that nobody has to look.
 */
#ifndef SYS_WATCH_H
#define SYS_WATCH_H

struct err;
struct loop;
struct watch;

typedef void watch_fn(void *arg);

/*
 * fn is called after something was made in, removed from or renamed in the directory that
 * holds path; once for many such events. NULL and err if the system refuses.
 */
struct watch *watch_new(struct loop *loop, const char *path, watch_fn *fn, void *arg,
	struct err *err);
/* Fine within the callback. */
void watch_free(struct watch *w);

#endif
