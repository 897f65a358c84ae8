/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A disk whose power fails. It remembers what was done below a directory, in its order,
 * and makes up what may be found there afterwards: what was synced before, and of all else
 * any part, in any order, down to sectors. Names are kept apart from contents, and are sure
 * only when their directory was synced.
 */
#ifndef DISK_H
#define DISK_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct disk;

/* root is absolute. Nothing outside of it is remembered. */
struct disk *disk_new(const char *root);
void disk_free(struct disk *d);

/* What a test's own system calls say, after they have been good. */
void disk_wrote(struct disk *d, int fd, const void *data, size_t size, off_t at);
void disk_resized(struct disk *d, int fd, off_t size);
void disk_synced(struct disk *d, int fd); /* of a file, or of a directory */
void disk_made(struct disk *d, const char *path);
void disk_renamed(struct disk *d, const char *from, const char *to);
void disk_unlinked(struct disk *d, const char *path);
/* Somebody was told that what is written up to here is there. */
void disk_promised(struct disk *d);

struct disk_replay {
	const char *root; /* each image is made there, in place of the last one */
	uint64_t seed;
	unsigned stride; /* a power failure at every such operation */
	unsigned
		guesses; /* how many images of it, besides that where nothing is lost */
	/* Looks at an image: so many promises were made before the power failed. */
	void (*look)(void *arg, size_t promises);
	void *arg;
};
/* Returns the number of images. */
size_t disk_replay(struct disk *d, const struct disk_replay *how);

#endif
