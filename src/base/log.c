/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Owns the one place where log lines go. A line is one write, at most PIPE_BUF bytes, so
 * that lines of several processes on one pipe never mix.
 */
#include "base/log.h"
#include "base/buf.h"
#include "base/clock.h"
#include "base/mem.h"
#include "base/utf8.h"

#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <string.h>
#include <unistd.h>

#define LINE_SIZE_MAX 4096u

const char *const log_level_names[] = {
	[LOG_LEVEL_ERROR] = "error",
	[LOG_LEVEL_WARNING] = "warning",
	[LOG_LEVEL_INFO] = "info",
	[LOG_LEVEL_DEBUG] = "debug",
	[LOG_LEVEL_COUNT] = NULL,
};

/* As syslog(3) numbers them. */
static const char priorities[LOG_LEVEL_COUNT] = {
	[LOG_LEVEL_ERROR] = '3',
	[LOG_LEVEL_WARNING] = '4',
	[LOG_LEVEL_INFO] = '6',
	[LOG_LEVEL_DEBUG] = '7',
};

static struct {
	enum log_level level;
	bool journal;
	int fd;
	unsigned long dropped; /* lines lost since the last one that arrived */
	unsigned long lost;    /* ever */
	bool torn;             /* the last line lost its end, and with it the newline */
} sink = {.level = LOG_LEVEL_INFO, .fd = STDERR_FILENO};

void
log_set_level(enum log_level level)
{
	sink.level = level;
}

enum log_level
log_get_level(void)
{
	return sink.level;
}

void
log_set_journal(bool on)
{
	sink.journal = on;
}

void
log_set_fd(int fd)
{
	sink.fd = fd;
	sink.torn = false;
}

static void
add_escaped(struct buf *line, const char *text)
{
	size_t left = strlen(text);

	while (left > 0) {
		uint32_t character;
		size_t n = utf8_next(text, left, &character);

		if (n == 0)
			buf_printf(line, "\\x%02x", (unsigned)(unsigned char)*text);
		else if (character == '\n')
			buf_puts(line, "\\n");
		else if (character == '\t')
			buf_puts(line, "\\t");
		else if (utf8_is_control(character))
			buf_printf(line, character < 0x100 ? "\\x%02x" : "\\u%04x",
				(unsigned)character);
		else
			buf_add(line, text, n);
		n = n > 0 ? n : 1;
		text += n;
		left -= n;
	}
}

static void
add_head(struct buf *line, enum log_level level, const char *object)
{
	char now[CLOCK_TEXT_SIZE];

	if (sink.torn)
		buf_putc(line, '\n');
	if (sink.journal)
		buf_printf(line, "<%c>", priorities[level]);
	else
		buf_printf(line, "%s %s", clock_format(clock_wall_ms(), now),
			log_level_names[level]);
	if (object == NULL) {
		buf_puts(line, sink.journal ? "" : ": ");
		return;
	}
	buf_puts(line, sink.journal ? "" : " ");
	add_escaped(line, object);
	buf_puts(line, ": ");
}

static void
end_line(struct buf *line)
{
	if (line->len > LINE_SIZE_MAX - 1) {
		line->len = utf8_cut(line->data, LINE_SIZE_MAX - 4);
		buf_puts(line, "...");
	}
	buf_putc(line, '\n');
}

/*
 * The description behind stderr is shared with whoever started us, so it is non-blocking
 * only while we write.
 */
static bool
write_line(const struct buf *line)
{
	int flags = fcntl(sink.fd, F_GETFL);
	bool blocking = flags >= 0 && (flags & O_NONBLOCK) == 0;
	ssize_t n;

	if (flags < 0 || (blocking && fcntl(sink.fd, F_SETFL, flags | O_NONBLOCK) < 0))
		return false;
	do
		n = write(sink.fd, line->data, line->len);
	while (n < 0 && errno == EINTR);
	if (blocking)
		(void)fcntl(sink.fd, F_SETFL, flags); /* it could be set a moment ago */
	if (n > 0)
		sink.torn = (size_t)n < line->len;
	return n == (ssize_t)line->len;
}

static bool
report_dropped(void)
{
	AUTO(buf) struct buf line = {.data = NULL};

	add_head(&line, LOG_LEVEL_WARNING, NULL);
	buf_printf(&line, "%lu log line%s dropped: the log was not read", sink.dropped,
		sink.dropped == 1 ? " was" : "s were");
	end_line(&line);
	if (!write_line(&line))
		return false;
	sink.dropped = 0;
	return true;
}

unsigned long
log_dropped(void)
{
	return sink.dropped;
}

unsigned long
log_lost(void)
{
	return sink.lost;
}

static void
emit(enum log_level level, const char *object, const char *text)
{
	AUTO(buf) struct buf line = {.data = NULL};

	if (sink.dropped == 0 || report_dropped()) {
		add_head(&line, level, object);
		add_escaped(&line, text);
		end_line(&line);
		if (write_line(&line))
			return;
	}
	sink.dropped++;
	sink.lost++;
}

void
log_write(enum log_level level, const char *object, const char *fmt, ...)
{
	AUTO(buf) struct buf text = {.data = NULL};
	int saved = errno;
	va_list ap;

	if (level > sink.level)
		return;
	va_start(ap, fmt);
	buf_vprintf(&text, fmt, ap);
	va_end(ap);
	emit(level, object, buf_str(&text));
	errno = saved;
}
