/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Both clocks behind one seam. Waiting uses CLOCK_BOOTTIME, which counts through a
 * suspend and never jumps; the wall clock only labels, and survives a reboot.
 */
#ifndef BASE_CLOCK_H
#define BASE_CLOCK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define CLOCK_TEXT_SIZE 32

/* Milliseconds since boot. */
int64_t clock_ms(void);
/* Milliseconds since 1970, UTC. */
int64_t clock_wall_ms(void);

/*
 * From now on both clocks stand still and are moved by hand. For tests and simulations.
 */
void clock_fake(int64_t boot_ms, int64_t wall_ms);
void clock_fake_advance(int64_t ms);   /* both */
void clock_fake_wall_jump(int64_t ms); /* the wall clock alone */
bool clock_is_fake(void);
void clock_real(void);

/* RFC 3339 in UTC with milliseconds: 2026-01-31T10:15:00.000Z. Returns text. */
char *clock_format(int64_t wall_ms, char text[static CLOCK_TEXT_SIZE]);
/* ISO 8601 as EC2 writes it, with or without a fraction. -1 when it is none. */
int clock_parse(const char *text, int64_t *ret_wall_ms);
/* HTTP's IMF-fixdate ("Sun, 06 Nov 1994 08:49:37 GMT"). -1 when it is none. */
int clock_parse_http(const char *text, int64_t *ret_wall_ms);
/* "34 s", "2 min", "3 h 10 min": for people. Returns text. */
char *clock_span(int64_t ms, char text[static CLOCK_TEXT_SIZE]);

#endif
