/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Secrets in files: where a worker's password comes from, and whether the files that hold
 * secrets are kept from others. AWS keys in the open refuse the file, worker passwords
 * only earn a warning.
 */
#include "conf/conf_row.h"

#include "base/buf.h"
#include "base/err.h"
#include "base/mem.h"
#include "conf/conf.h"
#include "sys/file.h"

#include <string.h>

#define PASSWORD_GENERATED "generated"
#define PASSWORD_FILE_MAX (64u * 1024u)

static void
strip_newline(struct buf *text)
{
	if (text->len == 0 || text->data[text->len - 1] != '\n')
		return;
	text->data[--text->len] = '\0';
	if (text->len > 0 && text->data[text->len - 1] == '\r')
		text->data[--text->len] = '\0';
}

/* NULL if text can be a password, else what is wrong with it. */
static const char *
password_fault(const char *text, size_t len)
{
	if (len == 0)
		return "is empty";
	if (strlen(text) != len)
		return "holds a NUL byte";
	if (strpbrk(text, "\r\n") != NULL)
		return "holds more than one line";
	return NULL;
}

static void
read_password_file(struct conf_row *row, struct conf_worker *w)
{
	AUTO(free) char *path = path_from(row->load->dir, w->password_file);
	struct buf text = {.data = NULL};
	struct file_info info = {.uid = 0};
	const char *fault;
	struct err err;

	if (file_read(path, PASSWORD_FILE_MAX, true, &text, &info, &err) != 0) {
		row_problem(row, DIAG_ERROR, ROW_VALUE, "password_file", "%s",
			err.text);
		buf_wipe_fini(&text);
		return;
	}
	strip_newline(&text);
	fault = password_fault(buf_str(&text), text.len);
	if (fault == NULL && info.others_write)
		fault = "can be written by group or others; chmod it to 0600";
	if (fault != NULL)
		row_problem(row, DIAG_ERROR, ROW_VALUE, "password_file", "%s: %s", path,
			fault);
	else if (info.others_read)
		row_problem(row, DIAG_WARNING, ROW_VALUE, "password_file",
			"%s: can be read by group or others; chmod it to 0600", path);
	if (fault == NULL)
		secret_set(&w->password, buf_str(&text));
	buf_wipe_fini(&text);
}

void
row_password(struct conf_row *row, struct conf_worker *w)
{
	const char *fault;

	if (w->password.text == NULL) {
		if (w->password_file != NULL)
			read_password_file(row, w);
		return;
	}
	if (strcmp(w->password.text, PASSWORD_GENERATED) == 0) {
		secret_fini(&w->password);
		w->password_generated = true;
		return;
	}
	fault = password_fault(w->password.text, strlen(w->password.text));
	if (fault != NULL)
		row_problem(row, DIAG_ERROR, ROW_VALUE, "password", "%s", fault);
}

/* The first key of that name in worker_defaults or a worker; ret_path becomes the caller's. */
static const struct node *
find_in_workers(const struct conf_load *load, const char *key,
	bool (*counts)(const struct node *), char **ret_path)
{
	const struct node *workers = map_get(load->root, "workers");
	const struct node *value = map_get(load->defaults, key);

	if (value != NULL && counts(value)) {
		*ret_path = xasprintf("worker_defaults.%s", key);
		return map_key(load->defaults, key);
	}
	for (size_t i = 0;
		workers != NULL && workers->kind == NODE_MAP && i < workers->count;
		i++) {
		value = map_get(workers->items[i], key);
		if (value != NULL && counts(value)) {
			*ret_path = xasprintf("workers.%s.%s", workers->keys[i]->text,
				key);
			return map_key(workers->items[i], key);
		}
	}
	return NULL;
}

static bool
is_any(const struct node *value)
{
	return value != NULL;
}

static bool
is_password(const struct node *value)
{
	return value->text == NULL || strcmp(value->text, PASSWORD_GENERATED) != 0;
}

/* Where the file holds AWS keys, or NULL. */
static const struct node *
find_aws_keys(const struct conf_load *load, char **ret_path)
{
	static const char *const keys[] = {"secret_identifier", "session_token"};
	const struct node *aws = map_get(load->root, "aws");

	for (size_t i = 0; i < COUNT_OF(keys); i++) {
		const struct node *key = map_key(aws, keys[i]);

		if (key == NULL)
			continue;
		*ret_path = xasprintf("aws.%s", keys[i]);
		return key;
	}
	return find_in_workers(load, "secret_identifier", is_any, ret_path);
}

void
check_modes(struct conf_load *load, const struct file_info *info)
{
	AUTO(free) char *path = NULL;
	const struct node *key = find_aws_keys(load, &path);
	const char *what = info->others_read ? "read" : "written";

	if (!info->others_read && !info->others_write)
		return;
	if (key != NULL) {
		diag_add(load->ds, DIAG_ERROR, key->mark, path,
			"the file holds AWS keys and can be %s by group or others; chmod it to "
			"0600, or keep the keys elsewhere and name them by aws.profile",
			what);
		return;
	}
	key = find_in_workers(load, "password", is_password, &path);
	if (key != NULL && info->others_read)
		diag_add(load->ds, DIAG_WARNING, key->mark, path,
			"the file holds passwords and can be read by group or others; chmod it "
			"to 0600, or use password: generated or password_file");
	if (info->others_write)
		diag_add(load->ds, DIAG_WARNING, (struct mark){0, 0}, NULL,
			"the file can be written by group or others");
}
