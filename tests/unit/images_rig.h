/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Clouds that are asked for images and answer when the test says so, and who is told of a
 * choice.
 */
#ifndef IMAGES_RIG_H
#define IMAGES_RIG_H

#include "conf/conf.h"
#include "core/cloud.h"
#include "core/images.h"
#include "base/err.h"
#include "ec2/verdict.h"

#include <stddef.h>

#define ASKED_MAX 8
#define OWNER "000000000012"

/* What a cloud was asked; each is answered when the test says so. */
struct images_asked {
	struct ec2_call *handle; /* NULL: answered, or cancelled */
	char owners[64], name[32], filters[64];
	ec2_images_done *done;
	void *arg;
};

struct images_rig {
	struct loop *loop;
	struct images *images;
	struct cloud east, west;
	struct images_asked asked[ASKED_MAX];
	size_t count, cancelled;
};

struct images_told {
	int calls, verdict;
	char id[16], text[160];
	struct err err;
	struct images_rig *again; /* asks once more when it is told */
	const struct conf_worker *worker;
	struct images_call *cancels;
};

void images_rig_init(struct images_rig *r);
/* Nothing is asked any more then. */
void images_rig_fini(struct images_rig *r);
/* What is due now. */
void images_turns(struct images_rig *r);
/* Images of these locations, separated by blanks: ami-1 is the first, and the newest. */
void images_answer(struct images_asked *a, const char *locations);
/* As the client does: the array stays its own, whatever is taken out of it. */
void images_give_list(struct images_asked *a, struct ec2_images *list);
void images_refuse(struct images_asked *a, enum verdict verdict,
	enum err_reason reason);
/* A worker's keys. */
void images_worker_init(struct conf_worker *w, const char *owner, const char *regex);
void images_worker_fini(struct conf_worker *w);
void images_on_told(void *arg, const struct images_result *result);
/* Of the eastern cloud; t is told, and not from inside. */
struct images_call *images_ask(struct images_rig *r, const struct conf_worker *w,
	struct images_told *t);

#endif
