/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Prints what documents say about rows, and fills documents with it. For the build alone.
 */
#include "base/buf.h"
#include "base/err.h"
#include "base/mem.h"
#include "doc/fragment.h"

#include <stdio.h>
#include <string.h>

enum { EXIT_GOOD, EXIT_FAILED, EXIT_USAGE };

static void
usage(FILE *file)
{
	(void)fputs("Usage: docgen FRAGMENT [ARG]\n"
		    "       docgen fill FILE\n\n"
		    "Fragments:\n",
		file);
	for (const struct fragment *f = fragments; f->name != NULL; f++)
		(void)fprintf(file, "  %-8s %-8s %s\n", f->name,
			f->arg != NULL ? f->arg : "", f->doc);
}

static int
read_all(const char *path, struct buf *out)
{
	FILE *file = fopen(path, "r");
	char part[4096];
	size_t len;
	int result = -1;

	if (file == NULL)
		return -1;
	while ((len = fread(part, 1, sizeof(part), file)) > 0)
		buf_add(out, part, len);
	if (ferror(file) == 0)
		result = 0;
	(void)fclose(file);
	return result;
}

static int
fill(const char *path, struct buf *out)
{
	AUTO(buf) struct buf text = {.data = NULL};
	struct err err;

	if (read_all(path, &text) != 0) {
		perror(path);
		return -1;
	}
	if (fragment_fill(buf_str(&text), out, &err) != 0) {
		(void)fprintf(stderr, "%s:%s\n", path, err.text);
		return -1;
	}
	return 0;
}

static int
make(const char *name, const char *arg, struct buf *out)
{
	struct err err;

	if (fragment_make(name, arg, out, &err) == 0)
		return 0;
	(void)fprintf(stderr, "docgen: %s\n", err.text);
	return -1;
}

int
main(int argc, char **argv)
{
	AUTO(buf) struct buf out = {.data = NULL};
	int failed;

	if (argc == 2 && strcmp(argv[1], "--help") == 0) {
		usage(stdout);
		return EXIT_GOOD;
	}
	if (argc < 2 || argc > 3) {
		usage(stderr);
		return EXIT_USAGE;
	}
	if (strcmp(argv[1], "fill") == 0 && argc == 3)
		failed = fill(argv[2], &out);
	else
		failed = make(argv[1], argc == 3 ? argv[2] : NULL, &out);
	if (failed == 0)
		(void)fputs(buf_str(&out), stdout);
	return failed == 0 && fflush(stdout) == 0 ? EXIT_GOOD : EXIT_FAILED;
}
