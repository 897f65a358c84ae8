/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A pattern in the first line, and in each line behind it the location of an image; one
 * that begins with "!" is of an image that is not available. Whatever they are, the choice
 * is one of them that the pattern matches, it does not depend on their order, and no other
 * one beats it alone; or a limit is said to be reached.
 *
 * Parser: src/core/image.c src/core/integer.c src/sys/regex.c
 */
#include "fuzz.h"

#include "base/err.h"
#include "base/mem.h"
#include "core/image.h"
#include "ec2/query.h"
#include "sys/regex.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

#define IMAGES_MAX 12u
#define INPUT_MAX 4096u

static char available[] = "available", pending[] = "pending";

struct input {
	char text[INPUT_MAX + 1];
	char ids[IMAGES_MAX][8];
	struct regex *re;
	struct ec2_image images[IMAGES_MAX];
	size_t count;
};

/* -1: a limit, or text that is no UTF-8. */
static int
choose(const struct input *in, const size_t *order, size_t count,
	struct image_choice *ret)
{
	AUTO(image_search) struct image_search *s = image_search_new(in->re, false);
	struct err err;

	for (size_t n = 0; n < count; n++)
		if (image_search_look(s, &in->images[order[n]], &err) < 0) {
			assert(err.code == ERR_CONFIG && err.reason == REASON_CONFIG);
			return -1;
		}
	image_search_result(s, ret);
	assert(ret->seen == count);
	assert(ret->considered + ret->unavailable + ret->unlocated + ret->unmatched +
			ret->untried ==
		count);
	assert((ret->untried_why != NULL) == (ret->untried > 0));
	assert((ret->image != NULL) == (ret->considered > 0));
	return 0;
}

static void
check_other_orders(const struct input *in, const struct image_choice *choice)
{
	size_t order[IMAGES_MAX];
	struct image_choice other;

	for (size_t turn = 1; turn < in->count * 2; turn++) {
		for (size_t n = 0; n < in->count; n++) {
			size_t at = turn < in->count ? n : in->count - 1 - n;

			order[n] = (at + turn) % in->count;
		}
		assert(choose(in, order, in->count, &other) == 0);
		assert(other.image == choice->image && other.level == choice->level);
	}
}

/* Of numbers, the last of all is the last of any two of them; so it is of texts. */
static void
check_pairs(const struct input *in, const struct image_choice *choice)
{
	size_t winner = (size_t)(choice->image - in->images);
	struct image_choice other;

	for (size_t n = 0; n < in->count; n++) {
		const size_t pair[] = {n, winner};

		assert(choose(in, pair, 2, &other) == 0);
		if (other.level == choice->level && n != winner)
			assert(other.image == choice->image);
	}
}

static void
check_choice(const struct input *in)
{
	static const size_t order[IMAGES_MAX] = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11};
	struct image_choice choice;

	if (choose(in, order, in->count, &choice) < 0)
		return;
	check_other_orders(in, &choice);
	if (choice.image == NULL)
		return;
	assert(choice.image->state == available);
	assert(regex_match(in->re, choice.image->location, NULL, NULL) == 1);
	check_pairs(in, &choice);
}

static void
add_image(struct input *in, char *line)
{
	struct ec2_image *image = &in->images[in->count];
	bool gone = line[0] == '!';

	(void)snprintf(in->ids[in->count], sizeof(in->ids[0]), "ami-%zx", in->count);
	image->id = in->ids[in->count++];
	image->state = gone ? pending : available;
	image->location = line[gone] == '\0' ? NULL : line + gone;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct input in = {.count = 0};
	char *rest = in.text, *line;
	size_t offset = 0;
	struct err err;

	memcpy(in.text, data, size < INPUT_MAX ? size : INPUT_MAX);
	line = strsep(&rest, "\n");
	in.re = regex_compile(line, &offset, &err);
	if (in.re == NULL) {
		assert(offset <= strlen(line) && err.code == ERR_INVALID);
		return 0;
	}
	while (in.count < IMAGES_MAX && (line = strsep(&rest, "\n")) != NULL)
		add_image(&in, line);
	check_choice(&in);
	regex_unref(in.re);
	return 0;
}
