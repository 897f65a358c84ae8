/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What an instance gets once it runs: its launch's elastic IP, then its volumes, one after
 * the other (L15). Each is looked at before anything is done about it, so that it may be
 * begun again at any time; nothing is ever taken away from anyone.
 */
#ifndef CORE_EQUIP_H
#define CORE_EQUIP_H

#include <stddef.h>
#include <stdint.h>

#define EQUIP_TEXT_SIZE 352 /* for equip_describe: nothing is cut */

struct equip;
struct err;
struct field_list;
struct instance;

enum equip_outcome {
	EQUIP_BUSY,   /* the instance is poked when there is more to do */
	EQUIP_DONE,   /* it has all of it */
	EQUIP_FAILED, /* waiting cannot mend it */
};

/* Of what the instance's launch has frozen. The instance is borrowed and outlives it. */
struct equip *equip_new(struct instance *i);
/* Looks at what is known and asks for what is missing; idempotent. err with FAILED. */
enum equip_outcome equip_step(struct equip *e, struct err *err);
/* Boottime of the next try, or INT64_MAX: an answer is awaited. NULL: INT64_MAX. */
int64_t equip_due_ms(const struct equip *e);
/* "volume vol-1 as /dev/sdh": what it is at, for people. */
void equip_describe(const struct equip *e, char *text, size_t size);
/* Cancels what it asks; what it has done stays. NULL is fine. */
void equip_free(struct equip *e);

/* Volumes as a column of the launch: "vol-1 /dev/sdh", one a line; NULL if there are none. */
char *equip_freeze_volumes(const struct field_list *volumes);

#endif
