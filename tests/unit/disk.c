/* SPDX-License-Identifier: Apache-2.0 */
/*
 * An operation is pending from when it was made until a sync of its file, or of the
 * directory of its name. A replay applies what is synced to what is sure, and makes an
 * image from that and from a choice among what is pending.
 */
#include "disk.h"
#include "scratch.h"
#include "unit.h"

#include "base/mem.h"
#include "base/rng.h"

#include <fcntl.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { SECTOR = 512, DIRECTORY = -1 };

enum kind { WRITE, RESIZE, SYNC, LINK, UNLINK, RENAME, SYNC_DIR, PROMISE };

struct op {
	enum kind kind;
	int file; /* index, or DIRECTORY */
	off_t at; /* RESIZE: the size */
	size_t size;
	char *data;
	char *name, *to; /* relative; SYNC_DIR: that of the directory */
	bool pending;
};

struct content {
	char *data;
	size_t size, room;
};

struct file {
	ino_t ino;
	bool gone; /* its number may be another's now */
	struct content sure;
};

struct name {
	char *text;
	int file;
	bool there;
};

struct names {
	struct name *items;
	size_t count;
};

struct disk {
	char *root;
	struct op *ops;
	size_t op_count;
	struct file *files;
	size_t file_count;
	struct names sure;
};

static struct op *
add(struct disk *d, enum kind kind, int file)
{
	d->ops = xreallocarray(d->ops, d->op_count + 1, sizeof(*d->ops));
	d->ops[d->op_count] = (struct op){.kind = kind, .file = file, .pending = true};
	return &d->ops[d->op_count++];
}

/* Below the root, or NULL. */
static const char *
relative(const struct disk *d, const char *path)
{
	size_t len = strlen(d->root);

	if (strncmp(path, d->root, len) != 0)
		return NULL;
	return path[len] == '\0' ? "." : path[len] == '/' ? path + len + 1 : NULL;
}

/* As above, of a path as it was given to a system call. */
static char *
named(const struct disk *d, const char *path)
{
	AUTO(free)
	char *whole = path[0] == '/' ? xstrdup(path)
				     : xasprintf("%s/%s", scratch_path(), path);

	return xstrdup_opt(relative(d, whole));
}

/* NULL for what has no name any more, too. */
static char *
name_of(const struct disk *d, int fd)
{
	static const char deleted[] = " (deleted)";
	char link[64], path[PATH_MAX];
	ssize_t len;

	(void)snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
	len = readlink(link, path, sizeof(path) - 1);
	if (len < 0)
		return NULL;
	path[len] = '\0';
	if (strlen(path) > strlen(deleted) &&
		strcmp(path + len - strlen(deleted), deleted) == 0)
		return NULL;
	return xstrdup_opt(relative(d, path));
}

/* The file behind a descriptor; one that is seen for the first time has just been made. */
static int
file_of(struct disk *d, int fd, const char *name)
{
	struct stat st;
	struct op *op;

	ck_assert_int_eq(fstat(fd, &st), 0);
	for (size_t n = 0; n < d->file_count; n++)
		if (!d->files[n].gone && d->files[n].ino == st.st_ino)
			return (int)n;
	d->files = xreallocarray(d->files, d->file_count + 1, sizeof(*d->files));
	d->files[d->file_count] = (struct file){.ino = st.st_ino};
	op = add(d, LINK, (int)d->file_count);
	op->name = xstrdup(name);
	return (int)d->file_count++;
}

struct disk *
disk_new(const char *root)
{
	struct disk *d = NEW(struct disk);

	d->root = xstrdup(root);
	return d;
}

static void
names_fini(struct names *names)
{
	for (size_t n = 0; n < names->count; n++)
		free(names->items[n].text);
	free(names->items);
}

void
disk_free(struct disk *d)
{
	for (size_t n = 0; n < d->op_count; n++) {
		free(d->ops[n].data);
		free(d->ops[n].name);
		free(d->ops[n].to);
	}
	for (size_t n = 0; n < d->file_count; n++)
		free(d->files[n].sure.data);
	names_fini(&d->sure);
	free(d->ops);
	free(d->files);
	free(d->root);
	free(d);
}

void
disk_wrote(struct disk *d, int fd, const void *data, size_t size, off_t at)
{
	AUTO(free) char *name = name_of(d, fd);
	struct op *op;
	int file;

	if (name == NULL)
		return;
	file = file_of(d, fd, name);
	op = add(d, WRITE, file);
	op->at = at;
	op->size = size;
	op->data = xmalloc(size);
	memcpy(op->data, data, size);
}

void
disk_resized(struct disk *d, int fd, off_t size)
{
	AUTO(free) char *name = name_of(d, fd);

	if (name != NULL)
		add(d, RESIZE, file_of(d, fd, name))->at = size;
}

void
disk_synced(struct disk *d, int fd)
{
	AUTO(free) char *name = name_of(d, fd);
	struct stat st;

	if (name == NULL)
		return;
	ck_assert_int_eq(fstat(fd, &st), 0);
	if (S_ISDIR(st.st_mode))
		add(d, SYNC_DIR, DIRECTORY)->name = TAKE(name);
	else
		(void)add(d, SYNC, file_of(d, fd, name));
}

void
disk_made(struct disk *d, const char *path)
{
	AUTO(free) char *name = named(d, path);

	if (name != NULL)
		add(d, LINK, DIRECTORY)->name = TAKE(name);
}

/* The file that has a name now, by the operations so far. */
static int
file_at(const struct disk *d, const char *name)
{
	for (size_t n = d->op_count; n-- > 0;) {
		const struct op *op = &d->ops[n];

		if (op->kind == LINK && strcmp(op->name, name) == 0)
			return op->file;
		if (op->kind == RENAME && strcmp(op->to, name) == 0)
			return op->file;
	}
	return DIRECTORY;
}

void
disk_renamed(struct disk *d, const char *from, const char *to)
{
	AUTO(free) char *name = named(d, from);
	AUTO(free) char *to_name = named(d, to);
	int file = name != NULL ? file_at(d, name) : DIRECTORY;
	int replaced = to_name != NULL ? file_at(d, to_name) : DIRECTORY;
	struct op *op;

	if (file == DIRECTORY) /* nothing was ever written to it */
		return;
	if (replaced != DIRECTORY)
		d->files[replaced].gone = true;
	op = add(d, RENAME, file);
	op->name = TAKE(name);
	op->to = TAKE(to_name);
}

void
disk_unlinked(struct disk *d, const char *path)
{
	AUTO(free) char *name = named(d, path);
	int file = name != NULL ? file_at(d, name) : DIRECTORY;

	if (file == DIRECTORY)
		return;
	d->files[file].gone = true;
	add(d, UNLINK, file)->name = TAKE(name);
}

void
disk_promised(struct disk *d)
{
	(void)add(d, PROMISE, DIRECTORY);
}

/* Contents and names */

static void
content_resize(struct content *c, size_t size)
{
	if (size > c->room) {
		c->room = size * 2;
		c->data = xrealloc(c->data, c->room);
	}
	if (size > c->size)
		memset(c->data + c->size, 0, size - c->size);
	c->size = size;
}

/* rng NULL: the whole of it; else each of its sectors or not. */
static void
content_apply(struct content *c, const struct op *op, struct rng *rng)
{
	size_t at = (size_t)op->at, end = at + op->size, next;

	if (op->kind == RESIZE) {
		content_resize(c, at);
		return;
	}
	for (; at < end; at = next) {
		next = (at / SECTOR + 1) * SECTOR;
		next = next < end ? next : end;
		if (rng != NULL && rng_below(rng, 4) == 0)
			continue;
		if (next > c->size)
			content_resize(c, next);
		memcpy(c->data + at, op->data + (at - (size_t)op->at), next - at);
	}
}

static void
names_set(struct names *names, const char *text, int file, bool there)
{
	size_t n = 0;

	while (n < names->count && strcmp(names->items[n].text, text) != 0)
		n++;
	if (n == names->count) {
		names->items = xreallocarray(names->items, n + 1,
			sizeof(*names->items));
		names->items[n].text = xstrdup(text);
		names->count++;
	}
	names->items[n].file = file;
	names->items[n].there = there;
}

static void
names_apply(struct names *names, const struct op *op)
{
	names_set(names, op->name, op->file, op->kind == LINK);
	if (op->kind == RENAME)
		names_set(names, op->to, op->file, true);
}

static bool
is_of_name(const struct op *op)
{
	return op->kind == LINK || op->kind == UNLINK || op->kind == RENAME;
}

static bool
is_of_content(const struct op *op)
{
	return op->kind == WRITE || op->kind == RESIZE;
}

static bool
lies_in(const char *name, const char *dir)
{
	const char *slash = strrchr(name, '/');

	if (slash == NULL)
		return strcmp(dir, ".") == 0;
	return strlen(dir) == (size_t)(slash - name) &&
		strncmp(name, dir, (size_t)(slash - name)) == 0;
}

/* What a sync makes sure of all that was done before it. */
static void
settle(struct disk *d, size_t sync)
{
	const struct op *s = &d->ops[sync];

	for (size_t n = 0; n < sync; n++) {
		struct op *op = &d->ops[n];

		if (!op->pending)
			continue;
		if (s->kind == SYNC && is_of_content(op) && op->file == s->file) {
			content_apply(&d->files[op->file].sure, op, NULL);
			op->pending = false;
		} else if (s->kind == SYNC_DIR && is_of_name(op) &&
			lies_in(op->name, s->name)) {
			names_apply(&d->sure, op);
			op->pending = false;
		}
	}
}

/* Images */

struct image {
	struct names names;
	struct content *contents; /* of all files */
};

static void
image_init(struct image *i, const struct disk *d)
{
	*i = (struct image){.contents = xcalloc(d->file_count, sizeof(*i->contents))};
	for (size_t n = 0; n < d->sure.count; n++)
		names_set(&i->names, d->sure.items[n].text, d->sure.items[n].file,
			d->sure.items[n].there);
	for (size_t n = 0; n < d->file_count; n++) {
		content_resize(&i->contents[n], d->files[n].sure.size);
		if (d->files[n].sure.size > 0)
			memcpy(i->contents[n].data, d->files[n].sure.data,
				d->files[n].sure.size);
	}
}

static void
image_fini(struct image *i, const struct disk *d)
{
	for (size_t n = 0; n < d->file_count; n++)
		free(i->contents[n].data);
	free(i->contents);
	names_fini(&i->names);
}

/* Of what is pending: all with rng NULL, else `kept` of eight, one way or another. */
static void
image_choose(struct image *i, const struct disk *d, size_t until, struct rng *rng,
	unsigned kept)
{
	for (size_t n = 0; n < until; n++) {
		const struct op *op = &d->ops[n];
		bool torn = rng != NULL && rng_below(rng, 2) == 0;

		if (!op->pending || (rng != NULL && rng_below(rng, 8) >= kept))
			continue;
		if (is_of_name(op))
			names_apply(&i->names, op);
		else if (is_of_content(op))
			content_apply(&i->contents[op->file], op, torn ? rng : NULL);
	}
}

static void
write_file(const char *path, const struct content *c)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

	ck_assert_int_ge(fd, 0);
	if (c->size > 0)
		ck_assert_int_eq(write(fd, c->data, c->size), (ssize_t)c->size);
	ck_assert_int_eq(close(fd), 0);
}

/* A file in a directory that is not there is not there either. */
static bool
has_parent(const struct names *names, const char *name)
{
	bool found = strchr(name, '/') == NULL;

	for (size_t n = 0; n < names->count; n++)
		found = found ||
			(names->items[n].there && lies_in(name, names->items[n].text));
	return found;
}

static void
write_name(const struct image *i, const struct name *name, const char *root)
{
	AUTO(free) char *path = xasprintf("%s/%s", root, name->text);

	if (name->file == DIRECTORY)
		ck_assert_int_eq(mkdir(path, 0700), 0);
	else
		write_file(path, &i->contents[name->file]);
}

/* Directories first; there is one level of them. */
static void
image_write(const struct image *i, const char *root)
{
	scratch_remove(root);
	ck_assert_int_eq(mkdir(root, 0700), 0);
	for (int files = 0; files <= 1; files++)
		for (size_t n = 0; n < i->names.count; n++) {
			const struct name *name = &i->names.items[n];

			if (name->there && (name->file != DIRECTORY) == files &&
				has_parent(&i->names, name->text))
				write_name(i, name, root);
		}
}

/* rng NULL: nothing of what was pending is lost. */
static void
make_image(const struct disk *d, size_t until, const char *root, struct rng *rng)
{
	struct image i;

	image_init(&i, d);
	image_choose(&i, d, until, rng, rng != NULL ? (unsigned)rng_below(rng, 8) : 8u);
	image_write(&i, root);
	image_fini(&i, d);
}

size_t
disk_replay(struct disk *d, const struct disk_replay *how)
{
	size_t promises = 0, images = 0;
	struct rng rng;

	rng_seed(&rng, how->seed);
	for (size_t n = 0; n < d->op_count; n++) {
		enum kind kind = d->ops[n].kind;
		bool told = kind == PROMISE;

		if (kind == SYNC || kind == SYNC_DIR)
			settle(d, n);
		promises += told;
		if (!told && n % how->stride != 0)
			continue;
		for (unsigned guess = 0; guess <= how->guesses; guess++) {
			make_image(d, n + 1, how->root, guess > 0 ? &rng : NULL);
			how->look(how->arg, promises);
			images++;
		}
	}
	return images;
}
