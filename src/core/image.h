/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which of many images a worker starts: those that are available and whose location the
 * regular expression matches are put in order, and the last one wins (BUILDBOT.md A3-A8).
 */
#ifndef CORE_IMAGE_H
#define CORE_IMAGE_H

#include "base/mem.h"

struct buf;
struct ec2_image;
struct err;
struct image_search;
struct regex;
struct strings;

/* What decides the order; what is equal in that, is decided by what follows. */
enum image_level {
	IMAGE_BY_NUMBER,   /* the first group as an integer: all of them are */
	IMAGE_BY_TEXT,     /* the first group as it is: some of them are no integers */
	IMAGE_BY_LOCATION, /* there is no group; at last comes the id */
	IMAGE_BY_DATE,     /* of creation, where the worker says so; then as before */
	IMAGE_LEVEL_COUNT
};

struct image_choice {
	const struct ec2_image
		*image; /* borrowed from who showed it; NULL: none fits */
	enum image_level level;
	size_t seen, considered; /* those shown; of these, those put in order */
	size_t unavailable, unlocated, unmatched; /* those dropped, and by what */
	/* Those passed over, for on them the regular expression reached its limit. */
	size_t untried;
	const char *untried_why; /* of the first; borrowed from the search, or NULL */
};

/* More of them are the pattern's fault, not the images'. */
#define IMAGE_UNTRIED_MAX 10u

/* location: borrowed for the life of the search; NULL: any. newest: by date. */
struct image_search *image_search_new(const struct regex *location, bool newest);
/*
 * Shows it one image, which stays where it is until the end of the search. -1 if the
 * regular expression reached its limit on more than IMAGE_UNTRIED_MAX of them: ERR_CONFIG,
 * and nothing can be chosen.
 */
int image_search_look(struct image_search *s, const struct ec2_image *image,
	struct err *err);
/* The choice among those shown so far; in whatever order that was. */
void image_search_result(const struct image_search *s, struct image_choice *ret);
void image_search_free(struct image_search *s);

/* Appends what was chosen, among how many and by what, and what was passed over: for a
 * worker's history. */
void image_choice_text(const struct image_choice *c, struct buf *out);
/*
 * Says why none fits: what was looked at, and which filter dropped how many. owners may
 * be empty. ERR_CONFIG, reason config; returns -1.
 */
int image_choice_none(const struct image_choice *c, const struct strings *owners,
	struct err *err);

AUTO_DEFINE(image_search, struct image_search *, image_search_free)

#endif
