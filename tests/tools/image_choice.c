/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Chooses an image from each listing that it reads. A line is a pattern and any number of
 * images, each of these an id, a state and a location; all of it in hex, a blank between
 * them, "-" for what is not there, "=" for an empty text. It answers with a line: the id or
 * "-", the level, how many were considered; or "error" and why.
 */
#include "base/err.h"
#include "base/mem.h"
#include "core/image.h"
#include "ec2/query.h"
#include "sys/regex.h"

#include <stdio.h>
#include <string.h>

#define WORDS_MAX 1024u

static int
digit(char c)
{
	static const char digits[] = "0123456789abcdef";
	const char *at = c != '\0' ? strchr(digits, c) : NULL;

	return at != NULL ? (int)(at - digits) : -1;
}

/* In place; NULL for "-" and for what is no hex. */
static char *
unhex(char *text)
{
	char *to = text;

	if (strcmp(text, "=") == 0)
		*text = '\0';
	for (const char *from = text; from[0] != '\0'; from += 2) {
		int high = digit(from[0]), low = digit(from[1]);

		if (high < 0 || low < 0)
			return NULL;
		*to++ = (char)(high * 16 + low);
	}
	*to = '\0';
	return text;
}

static size_t
split(char *line, char *words[static WORDS_MAX])
{
	char *rest = NULL;
	size_t count = 0;

	for (char *at = strtok_r(line, " \n", &rest); at != NULL && count < WORDS_MAX;
		at = strtok_r(NULL, " \n", &rest))
		words[count++] = unhex(at);
	return count;
}

static int
look_at_all(struct image_search *s, struct ec2_image *images, char *const *words,
	size_t count, struct err *err)
{
	for (size_t n = 0; n < count; n++) {
		images[n] = (struct ec2_image){
			.id = words[3 * n],
			.state = words[3 * n + 1],
			.location = words[3 * n + 2],
		};
		if (image_search_look(s, &images[n], err) < 0)
			return -1;
	}
	return 0;
}

static void
answer(struct regex *re, char *const *words, size_t count)
{
	AUTO(image_search) struct image_search *s = image_search_new(re, false);
	AUTO(free)
	struct ec2_image *images = xcalloc(count + 1, sizeof(*images));
	struct image_choice choice;
	struct err err;

	if (look_at_all(s, images, words, count, &err) < 0) {
		(void)printf("error %s\n", err.text);
		return;
	}
	image_search_result(s, &choice);
	(void)printf("%s %d %zu\n", choice.image == NULL ? "-" : choice.image->id,
		(int)choice.level, choice.considered);
}

static int
serve(char *line)
{
	char *words[WORDS_MAX];
	size_t count = split(line, words);
	struct err err;
	struct regex *re;

	if (count == 0 || count % 3 != 1)
		return -1;
	re = words[0] == NULL ? NULL : regex_compile(words[0], NULL, &err);
	if (words[0] != NULL && re == NULL)
		(void)printf("error %s\n", err.text);
	else
		answer(re, words + 1, count / 3);
	regex_unref(re);
	return 0;
}

int
main(void)
{
	char *line = NULL;
	size_t size = 0;
	int rc = 0;

	while (getline(&line, &size, stdin) > 0 && rc == 0) {
		rc = serve(line) < 0 ? 2 : 0;
		(void)fflush(stdout);
	}
	free(line);
	return rc;
}
