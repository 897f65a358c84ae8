/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which image a worker's next launch starts: the one its configuration names, or the last
 * one of a listing. One listing serves all workers of a cloud that ask for the same
 * owners, name and filters, and is kept for a minute; one search of it serves all of the same pattern.
 */
#ifndef CORE_IMAGES_H
#define CORE_IMAGES_H

#include <stddef.h>

#define IMAGES_KEPT_MS 60000          /* how long a listing is good */
#define IMAGES_KEPT_BYTES (32u << 20) /* about; more is used at once or not kept */

struct cloud;
struct conf_worker;
struct err;
struct images;
struct images_call;
struct loop;

/* Borrowed for the call. */
struct images_result {
	const char *id; /* NULL: err says why */
	const char *
		text; /* how it was chosen, for the worker's history; NULL: by its id */
	/* Of the listing if that failed; else reason config: waiting does not mend it. */
	const struct err *err;
	int verdict; /* enum verdict of the listing; DONE where none was needed */
};
typedef void images_done(void *arg, const struct images_result *result);

struct images *images_new(struct loop *loop); /* borrowed, outlives it */
/* Cancels everything; before the clouds go. */
void images_free(struct images *all);

/*
 * done is called once, later. cloud and conf are borrowed; the cloud is kept from being
 * retired while it is asked. Nothing is asked for a worker with an ami, nor twice within
 * a minute. A listing that failed is not asked for again until somebody comes anew.
 */
struct images_call *images_choose(struct images *all, struct cloud *cloud,
	const struct conf_worker *conf, images_done *done, void *arg);
/* No callback any more. NULL is fine. */
void images_cancel(struct images_call *call);

/* What was listed for this worker is no longer true: the next choice asks again. */
void images_forget(struct images *all, const struct cloud *cloud,
	const struct conf_worker *conf);

/* Listings that are held or under way: for tests. */
size_t images_listings(const struct images *all);

#endif
