/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a process leaves for the next start: starts that died before the loop had turned once
 * and the row that each had in hand, and how far the ledger had come. One small file, written
 * in place and never synced, for it is the process that dies and not the host.
 */
#ifndef CORE_STARTS_H
#define CORE_STARTS_H

#include <stdint.h>

struct starts;

/* So many deaths with the same row in hand in a row, and it is set aside. */
#define STARTS_SUSPECT 3
#define STARTS_KIND_SIZE 16

/* What a row is called: "worker" and the worker's name, "mail" and its number. */
struct starts_row {
	char kind[STARTS_KIND_SIZE]; /* "": none */
	char id[128];
};

/*
 * Of the state directory dir, which is locked. Counts this start in. What cannot be read
 * or written counts as nothing: a start is not refused for that.
 */
struct starts *starts_open(const char *dir);
/* How many starts before this one have died, one after the other. */
unsigned starts_deaths(const struct starts *s);
/* How long this start should wait before it does anything: longer after each death. */
int64_t starts_delay_ms(const struct starts *s);
/* The row that STARTS_SUSPECT starts died over, or NULL. */
const struct starts_row *starts_suspect(const struct starts *s);
/* It has been dealt with; from now on it is like any other. */
void starts_acquit(struct starts *s);
/* This row is taken in hand now; kind NULL: none is. A name too long to be held is none. */
void starts_take(struct starts *s, const char *kind, const char *id);
/* How far the ledger had come, by its event numbers; 0: not known. It is at least there now. */
int64_t starts_seq(const struct starts *s);
/* It has come so far, on disk. */
void starts_note_seq(struct starts *s, int64_t seq);
/* The loop turns: nothing is counted any more. */
void starts_over(struct starts *s);
/* An orderly end, so no death. NULL is fine. */
void starts_close(struct starts *s);

#endif
