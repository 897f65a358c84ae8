/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The file has four lines of fixed length: the counts, the suspect, the row in hand, the
 * latest event. Its blocks are kept, so that a full disk does not blind it.
 */
#include "core/starts.h"

#include "base/log.h"
#include "base/mem.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/types.h>
#include <unistd.h>

#define LINE 160
#define LINES 4
#define DELAY_BASE_MS 1000
#define DELAY_CAP_MS 60000

struct starts {
	int fd;                    /* -1: no file */
	unsigned deaths;           /* starts before this one */
	unsigned times;            /* of them, in a row, over `suspect` */
	struct starts_row suspect; /* what the last one died over */
	bool over;
	int64_t seq;
};

static void
put_line(struct starts *s, int line, const char *text)
{
	char bytes[LINE + 1];

	if (s->fd < 0)
		return;
	(void)snprintf(bytes, sizeof(bytes), "%-*s\n", LINE - 1, text);
	/* A death that goes uncounted is no reason not to start. */
	(void)!pwrite(s->fd, bytes, LINE, (off_t)line * LINE);
}

static void
put_row(struct starts *s, int line, const char *kind, const char *id)
{
	AUTO(free) char *text = xasprintf("%s %s", kind, id);

	put_line(s, line, strlen(text) < LINE ? text : "");
}

static void
put_counts(struct starts *s, unsigned deaths)
{
	AUTO(free) char *text = xasprintf("%u %u", deaths, s->times);

	put_line(s, 0, text);
	put_row(s, 1, s->suspect.kind, s->suspect.id);
	put_line(s, 2, "");
}

static void
put_seq(struct starts *s)
{
	AUTO(free) char *text = xasprintf("%" PRId64, s->seq);

	put_line(s, 3, text);
}

/* A name may have blanks in it; those at its end are the line's. */
static void
parse_row(char *line, struct starts_row *ret)
{
	size_t len = strlen(line);
	const char *blank;

	while (len > 0 && line[len - 1] == ' ')
		line[--len] = '\0';
	blank = strchr(line, ' ');
	*ret = (struct starts_row){.kind = ""};
	if (blank == NULL || blank == line || blank - line >= STARTS_KIND_SIZE ||
		strlen(blank + 1) >= sizeof(ret->id))
		return;
	memcpy(ret->kind, line, (size_t)(blank - line));
	(void)snprintf(ret->id, sizeof(ret->id), "%s", blank + 1);
}

static bool
is_same(const struct starts_row *a, const struct starts_row *b)
{
	return strcmp(a->kind, b->kind) == 0 && strcmp(a->id, b->id) == 0;
}

/* The start before this one has died: over what? */
static void
blame(struct starts *s, const struct starts_row *suspect, const struct starts_row *hand)
{
	if (hand->kind[0] == '\0') {
		s->times = 0; /* over nothing that we know of */
		return;
	}
	s->times = is_same(suspect, hand) ? s->times + 1 : 1;
	s->suspect = *hand;
}

static void
read_file(struct starts *s)
{
	char lines[LINES][LINE];
	struct starts_row suspect, hand;
	ssize_t got = pread(s->fd, lines, sizeof(lines), 0);

	if (got != (ssize_t)sizeof(lines))
		return;
	for (int n = 0; n < LINES; n++)
		lines[n][LINE - 1] = '\0';
	/* analyze: cert-err34-c: what is no number here is no place */
	if (sscanf(lines[3], "%" SCNd64, &s->seq) != 1 || s->seq < 0)
		s->seq = 0;
	/* analyze: cert-err34-c: what is no number here is no count */
	if (sscanf(lines[0], "%u %u", &s->deaths, &s->times) != 2 || s->deaths == 0) {
		s->deaths = s->times = 0;
		return;
	}
	parse_row(lines[1], &suspect);
	parse_row(lines[2], &hand);
	blame(s, &suspect, &hand);
}

struct starts *
starts_open(const char *dir)
{
	struct starts *s = NEW(struct starts);
	AUTO(free) char *path = xasprintf("%s/starts", dir);

	s->fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK,
		0600);
	if (s->fd < 0) {
		log_warning(NULL, "%s: %s: starts that die are not counted", path,
			strerror(errno));
		return s;
	}
	read_file(s);
	put_counts(s, s->deaths + 1);
	put_seq(s);
	return s;
}

unsigned
starts_deaths(const struct starts *s)
{
	return s->deaths;
}

int64_t
starts_delay_ms(const struct starts *s)
{
	int64_t delay = DELAY_BASE_MS;

	if (s->deaths <= STARTS_SUSPECT)
		return 0;
	for (unsigned n = STARTS_SUSPECT + 1; n < s->deaths && delay < DELAY_CAP_MS;
		n++)
		delay *= 2;
	return delay < DELAY_CAP_MS ? delay : DELAY_CAP_MS;
}

const struct starts_row *
starts_suspect(const struct starts *s)
{
	return s->times >= STARTS_SUSPECT ? &s->suspect : NULL;
}

void
starts_acquit(struct starts *s)
{
	s->times = 0;
	s->suspect = (struct starts_row){.kind = ""};
	put_counts(s, s->deaths + 1);
}

void
starts_take(struct starts *s, const char *kind, const char *id)
{
	if (s->over)
		return;
	if (kind == NULL)
		put_line(s, 2, "");
	else
		put_row(s, 2, kind, id);
}

int64_t
starts_seq(const struct starts *s)
{
	return s->seq;
}

void
starts_note_seq(struct starts *s, int64_t seq)
{
	if (seq == s->seq)
		return;
	s->seq = seq;
	put_seq(s);
}

void
starts_over(struct starts *s)
{
	if (s->over)
		return;
	s->over = true;
	s->times = 0;
	s->suspect = (struct starts_row){.kind = ""};
	put_counts(s, 0);
}

void
starts_close(struct starts *s)
{
	if (s == NULL)
		return;
	starts_over(s);
	if (s->fd >= 0)
		(void)close(s->fd); /* what it says is a help, no more */
	free(s);
}
