/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A configuration of any bytes: refused with problems that can be printed, or whole, with
 * every worker found by its name, and equal to itself loaded again.
 *
 * Parser: src/conf/conf_load.c src/conf/conf_check.c src/conf/conf_form.c
 * Parser: src/conf/conf_names.c src/conf/conf_row.c src/base/field_value.c
 * Parser: src/base/field_nest.c
 */
#include "fuzz.h"

#include "base/buf.h"
#include "base/diag.h"
#include "base/mem.h"
#include "conf/conf.h"
#include "conf/conf_load.h"

#include <assert.h>

static struct conf *
load(const uint8_t *data, size_t size)
{
	AUTO(buf) struct buf printed = {.data = NULL};
	struct conf_problems *problems = conf_problems_new();
	struct conf *conf = conf_parse((const char *)data, size, "input", "/nowhere",
		problems);

	assert((conf == NULL) == (conf_problems_diags(problems)->errors > 0));
	conf_problems_print(problems, &printed);
	assert((printed.len > 0) == (conf_problems_diags(problems)->count > 0));
	conf_problems_free(problems);
	return conf;
}

static void
check_worker(const struct conf *conf, size_t i)
{
	const struct conf_worker *w = conf->workers[i];

	assert(conf_find(conf, w->name) == w);
	assert(w->refs == 1 && w->line > 0);
	assert(w->password_generated == (w->password.text == NULL));
	assert((w->user_data == NULL) == (w->user_data_tmpl == NULL));
	assert(w->instance_type.count > 0 && w->ami != NULL && w->keypair_name != NULL);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct conf *conf = load(data, size), *again;

	if (conf == NULL)
		return 0;
	again = load(data, size);
	assert(again != NULL && again->worker_count == conf->worker_count);
	assert(conf_restart_key(conf, again) == NULL);
	for (size_t i = 0; i < conf->worker_count; i++) {
		check_worker(conf, i);
		assert(conf_worker_equal(conf->workers[i], again->workers[i]));
		assert(conf_worker_launch_equal(conf->workers[i], again->workers[i]));
	}
	conf_free(conf);
	conf_free(again);
	return 0;
}
