/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Each way to leave without having run is a row; the first whose option is given counts.
 */
#include "core/modes.h"

#include "base/buf.h"
#include "base/err.h"
#include "base/field.h"
#include "base/pretty.h"
#include "conf/conf.h"
#include "conf/conf_load.h"
#include "conf/conf_places.h"
#include "core/cloud_ec2.h"
#include "core/options.h"
#include "core/policy.h"
#include "core/preflight.h"

struct conf *
mode_load(const char *path, struct buf *err)
{
	struct conf_problems *problems = conf_problems_new();
	struct conf *conf = conf_load(path, problems);

	conf_problems_print(problems, err);
	conf_problems_free(problems);
	return conf;
}

static int
show_help(const char *path, struct buf *out, struct buf *err)
{
	(void)path;
	(void)err;
	options_help(out);
	return EXIT_GOOD;
}

static int
show_version(const char *path, struct buf *out, struct buf *err)
{
	(void)path;
	(void)err;
	buf_puts(out, "ec2workerd " VERSION "\n");
	return EXIT_GOOD;
}

static int
print_schema(const char *path, struct buf *out, struct buf *err)
{
	AUTO(buf) struct buf json = {.data = NULL};

	(void)path;
	(void)err;
	field_schema_yaml(&conf_fields, &json);
	pretty_json(buf_str(&json), out);
	return EXIT_GOOD;
}

static int
check(const char *path, struct buf *out, struct buf *err)
{
	struct conf *conf = mode_load(path, err);

	if (conf == NULL)
		return EXIT_CONFIG;
	buf_printf(out, "%s: good: pool %s, %zu workers\n", path, conf->pool,
		conf->worker_count);
	conf_free(conf);
	return EXIT_GOOD;
}

/* "FILE: good: ..." or the sum of what is wrong. */
static void
conclude(const char *path, const struct conf *conf,
	const struct conf_problems *problems, const struct preflight_result *found,
	struct buf *out)
{
	bool good = found->faults + found->unanswered == 0;

	buf_printf(out, "%s: %spool %s, %zu workers, ", path, good ? "good: " : "",
		conf->pool, conf->worker_count);
	conf_problems_sum(problems, out);
	buf_printf(out, "; AWS was asked %zu questions\n", found->questions);
}

static int
check_aws(const char *path, struct buf *out, struct buf *err)
{
	struct conf_problems *problems = conf_problems_new();
	struct preflight_result found = {0};
	struct err why = {.code = ERR_NONE};
	struct conf *conf;
	int code = EXIT_CONFIG;

	conf_places_keep(problems);
	conf = conf_load(path, problems);
	if (conf != NULL && preflight(conf, problems, &found, &why) < 0) {
		buf_printf(err, "ec2workerd: %s\n", why.text);
		code = EXIT_FAILED;
	} else if (conf != NULL) {
		conclude(path, conf, problems, &found, out);
		if (found.faults == 0)
			code = found.unanswered > 0 ? EXIT_FAILED : EXIT_GOOD;
	}
	conf_problems_print(problems, err);
	conf_free(conf);
	conf_problems_free(problems);
	return code;
}

static int
print_policy(const char *path, struct buf *out, struct buf *err)
{
	struct strings notes = {.items = NULL};
	struct conf *conf = mode_load(path, err);

	if (conf == NULL)
		return EXIT_CONFIG;
	policy_make(conf, cloud_ec2_region, out, &notes);
	for (size_t i = 0; i < notes.count; i++)
		buf_printf(err, "%s: note: %s\n", path, notes.items[i]);
	strings_fini(&notes);
	conf_free(conf);
	return EXIT_GOOD;
}

static const struct {
	size_t option; /* offset of its member in struct options */
	mode_fn *fn;
} modes[] = {
	{offsetof(struct options, help), show_help},
	{offsetof(struct options, version), show_version},
	{offsetof(struct options, print_schema), print_schema},
	{offsetof(struct options, check_aws), check_aws},
	{offsetof(struct options, check), check},
	{offsetof(struct options, print_policy), print_policy},
};

mode_fn *
mode_of(const struct options *o)
{
	for (size_t i = 0; i < COUNT_OF(modes); i++)
		if (*(const bool *)((const char *)o + modes[i].option))
			return modes[i].fn;
	return NULL;
}
