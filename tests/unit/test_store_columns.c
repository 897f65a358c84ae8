/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The columns of the ledger's rows: each is written and read back, whatever the struct
 * holds, and what no version of ours wrote is an error that names the column.
 */
#include "core/store_priv.h"
#include "base/buf.h"
#include "base/err.h"
#include "core/instance.h"
#include "core/launch.h"
#include "core/owner.h"
#include "core/request.h"
#include "core/worker.h"
#include "ec2/reply.h"
#include "unit.h"

#include <stdio.h>
#include <string.h>

static const struct kind {
	const char *table;
	const struct column *columns;
	size_t size;
	const char *unmapped; /* the column that no member stands for */
	const char *required; /* texts that are never NULL, each in blanks */
	const char *key;      /* of more columns than the first, or NULL */
	size_t keys;          /* of how many more */
} kinds[] = {
	{"worker", worker_columns, sizeof(struct worker), "", " worker ", NULL, 0},
	{"launch", launch_columns, sizeof(struct launch), "k",
		" region credentials body ", NULL, 0},
	{"instance", instance_columns, sizeof(struct instance), "", " instance ", NULL,
		0},
	{"owner", owner_columns, sizeof(struct owner), "", " owner ", NULL, 0},
	{"request", request_columns, sizeof(struct request), "", "", "uid, key", 1},
};

static struct db *db;
static struct sql {
	char *upsert, *select; /* live as long as db */
} sql[COUNT_OF(kinds)];
static struct worker a_worker = {.name = (char[]){"bot1"}};
static struct owner an_owner = {.name = (char[]){"master"}};
static struct launch a_launch = {.id = "0a1b"};

static void
setup(void)
{
	struct err err;

	db = db_open(":memory:", store_migrations, store_migration_count, &err);
	ck_assert_msg(db != NULL, "%s", err.text);
	/* Here each table stands alone. */
	ck_assert_int_eq(db_exec(db, "PRAGMA foreign_keys=OFF", NULL), DB_DONE);
	for (size_t n = 0; n < COUNT_OF(kinds); n++) {
		sql[n].upsert = kinds[n].key == NULL
			? columns_upsert(kinds[n].table, kinds[n].columns)
			: columns_upsert_by(kinds[n].table, kinds[n].key,
				  kinds[n].columns);
		sql[n].select = columns_select(kinds[n].table, kinds[n].columns, "");
	}
}

static void
teardown(void)
{
	db_close(db);
	for (size_t n = 0; n < COUNT_OF(kinds); n++) {
		free(sql[n].upsert);
		free(sql[n].select);
	}
}

/* What a test puts into the members. */
enum filling { FILL_ZERO, FILL_ONE, FILL_LEAST, FILL_MOST, FILL_COUNT };

static int64_t
number_of(enum filling filling, unsigned place)
{
	switch (filling) {
	case FILL_ONE: return 1000 + place;
	case FILL_LEAST: return INT64_MIN + place;
	case FILL_MOST: return INT64_MAX - place;
	case FILL_ZERO:
	case FILL_COUNT: break;
	}
	return 0;
}

/* Distinct for each column, "" or NULL where that is the least. Caller frees. */
static char *
text_of(enum filling filling, const struct column *c)
{
	switch (filling) {
	case FILL_ONE: return xasprintf("%s: \"it's\"\n\xc3\xa4", c->name);
	case FILL_LEAST: return xstrdup("");
	case FILL_MOST: {
		char *text = xcalloc(1, 70001);

		memset(text, c->name[0], 70000);
		return text;
	}
	case FILL_ZERO:
	case FILL_COUNT: break;
	}
	return NULL;
}

static void
fill_chars(char *at, const struct column *c, enum filling filling)
{
	AUTO(free) char *text = text_of(filling, c);

	(void)snprintf(at, c->size, "%s", text == NULL ? "" : text);
}

static void
fill_member(char *at, const struct column *c, enum filling filling, unsigned place)
{
	int64_t number = number_of(filling, place);
	unsigned u = filling == FILL_MOST ? UINT32_MAX - place : place;
	int named = filling == FILL_ONE ? 1 : 0;
	bool b = filling == FILL_ONE || filling == FILL_MOST;
	const void *pointee = strcmp(c->name, "owner") == 0 ? (void *)&an_owner
		: c->type == COLUMN_NAME_OF                 ? (void *)&a_worker
							    : &a_launch;
	char *text;

	switch (c->type) {
	case COLUMN_INT64: memcpy(at, &number, sizeof(number)); break;
	case COLUMN_UNSIGNED: memcpy(at, &u, sizeof(u)); break;
	case COLUMN_ENUM:
		u = filling == FILL_MOST ? (unsigned)c->size - 1 : (unsigned)named;
		memcpy(at, &u, sizeof(u));
		break;
	case COLUMN_BOOL: memcpy(at, &b, sizeof(b)); break;
	case COLUMN_TEXT:
		text = text_of(filling, c);
		memcpy(at, &text, sizeof(text));
		break;
	case COLUMN_CHARS: fill_chars(at, c, filling); break;
	case COLUMN_NAMED: memcpy(at, &named, sizeof(named)); break;
	case COLUMN_NAME_OF:
	case COLUMN_CHARS_OF: memcpy(at, &pointee, sizeof(pointee)); break;
	case COLUMN_SEAL: break;
	}
}

static bool
is_required(const struct kind *k, const struct column *c)
{
	AUTO(free) char *word = xasprintf(" %s ", c->name);

	return strstr(k->required, word) != NULL;
}

/* A struct of this kind with something in every member that has a column. */
static char *
fill(const struct kind *k, enum filling filling)
{
	char *row = xcalloc(1, k->size);
	unsigned place = 0;

	for (const struct column *c = k->columns; c->name != NULL; c++) {
		bool least = filling == FILL_ZERO && is_required(k, c);

		fill_member(row + c->offset, c, least ? FILL_LEAST : filling, place++);
	}
	return row;
}

static const char *
text_at(const char *at)
{
	const char *text;

	memcpy(&text, at, sizeof(text));
	return text;
}

static void
row_free(const struct kind *k, char *row)
{
	columns_fini(k->columns, row);
	free(row);
}

static bool
is_same_text(const char *a, const char *b)
{
	return a == NULL || b == NULL ? a == b : strcmp(a, b) == 0;
}

static bool
is_same(const struct column *c, const char *a, const char *b)
{
	switch (c->type) {
	case COLUMN_INT64: return memcmp(a, b, sizeof(int64_t)) == 0;
	case COLUMN_UNSIGNED:
	case COLUMN_ENUM: return memcmp(a, b, sizeof(unsigned)) == 0;
	case COLUMN_BOOL: return memcmp(a, b, sizeof(bool)) == 0;
	case COLUMN_TEXT: return is_same_text(text_at(a), text_at(b));
	case COLUMN_CHARS: return strcmp(a, b) == 0;
	case COLUMN_NAMED: return memcmp(a, b, sizeof(int)) == 0;
	case COLUMN_NAME_OF:
	case COLUMN_CHARS_OF:
	case COLUMN_SEAL: break;
	}
	return true; /* asked of the database itself */
}

static void
write_row(size_t kind, const char *row)
{
	struct db_stmt *q = db_stmt(db, sql[kind].upsert);
	struct err err;

	columns_bind(q, kinds[kind].columns, row);
	ck_assert_msg(db_step(q, &err) == DB_DONE, "%s: %s", kinds[kind].table,
		err.text);
}

/* The one row of the table; the caller's. */
static char *
read_row(size_t kind)
{
	struct db_stmt *q = db_stmt(db, sql[kind].select);
	char *row = xcalloc(1, kinds[kind].size);
	struct err err;

	ck_assert_int_eq(db_step(q, &err), DB_ROW);
	ck_assert_msg(columns_read(q, kinds[kind].columns, row, &err) == 0, "%s",
		err.text);
	ck_assert_int_eq(db_step(q, &err), DB_DONE);
	return row;
}

static void
check_same(size_t kind, const char *a, const char *b)
{
	for (const struct column *c = kinds[kind].columns; c->name != NULL; c++)
		ck_assert_msg(is_same(c, a + c->offset, b + c->offset),
			"%s.%s is not what was written", kinds[kind].table, c->name);
}

static void
check_stored(size_t kind, const char *row)
{
	char *got = read_row(kind);

	check_same(kind, row, got);
	row_free(&kinds[kind], got);
}

START_TEST(test_round_trip)
{
	size_t kind = (size_t)_i / FILL_COUNT;
	char *row = fill(&kinds[kind], (enum filling)((size_t)_i % FILL_COUNT));

	write_row(kind, row);
	check_stored(kind, row);
	row_free(&kinds[kind], row);
}
END_TEST

static void
move_column(const struct column *key, char *to, char *from)
{
	char swap[sizeof(char *)];

	if (key->type == COLUMN_CHARS) {
		memcpy(to + key->offset, from + key->offset, key->size);
		return;
	}
	memcpy(swap, to + key->offset, sizeof(swap));
	memcpy(to + key->offset, from + key->offset, sizeof(swap));
	memcpy(from + key->offset, swap, sizeof(swap));
}

static void
move_key(size_t kind, char *to, char *from)
{
	for (size_t n = 0; n <= kinds[kind].keys; n++)
		move_column(&kinds[kind].columns[n], to, from);
}

/* The same key again: every other column is replaced, also by nothing. */
START_TEST(test_written_again)
{
	size_t kind = (size_t)_i / FILL_COUNT;
	enum filling second = (enum filling)((size_t)_i % FILL_COUNT);

	for (unsigned first = 0; first < FILL_COUNT; first++) {
		char *before = fill(&kinds[kind], (enum filling)first);
		char *after = fill(&kinds[kind], second);

		(void)db_exec(db,
			((const char *[]){"DELETE FROM worker", "DELETE FROM launch",
				"DELETE FROM instance", "DELETE FROM owner",
				"DELETE FROM request"})[kind],
			NULL);
		write_row(kind, before);
		move_key(kind, after, before);
		write_row(kind, after);
		check_stored(kind, after);
		row_free(&kinds[kind], before);
		row_free(&kinds[kind], after);
	}
}
END_TEST

/* What a struct read into held before is replaced and freed. */
START_TEST(test_read_over_another)
{
	struct db_stmt *q;
	char *row = fill(&kinds[_i], FILL_ONE), *over = fill(&kinds[_i], FILL_MOST);

	write_row((size_t)_i, row);
	q = db_stmt(db, sql[_i].select);
	ck_assert_int_eq(db_step(q, NULL), DB_ROW);
	ck_assert_int_eq(columns_read(q, kinds[_i].columns, over, NULL), 0);
	check_same((size_t)_i, row, over);
	row_free(&kinds[_i], row);
	row_free(&kinds[_i], over);
}
END_TEST

/* Columns that name another struct are its key, and are for the reader to resolve. */
START_TEST(test_pointers_are_stored_as_keys)
{
	char *launch = fill(&kinds[1], FILL_ONE), *instance = fill(&kinds[2], FILL_ONE);
	char *worker = fill(&kinds[0], FILL_ONE);
	struct db_stmt *q;

	write_row(0, worker);
	write_row(1, launch);
	write_row(2, instance);
	q = db_stmt(db,
		"SELECT worker, (SELECT launch FROM instance), (SELECT owner FROM worker)"
		" FROM launch");
	ck_assert_int_eq(db_step(q, NULL), DB_ROW);
	ck_assert_str_eq(db_text(q, 0), "bot1");
	ck_assert_str_eq(db_text(q, 1), "0a1b");
	ck_assert_str_eq(db_text(q, 2), "master");
	db_reset(q);
	((struct worker *)(void *)worker)->owner = NULL;
	write_row(0, worker);
	q = db_stmt(db, "SELECT owner FROM worker");
	ck_assert_int_eq(db_step(q, NULL), DB_ROW);
	ck_assert(db_is_null(q, 0));
	db_reset(q);
	row_free(&kinds[0], worker);
	row_free(&kinds[1], launch);
	row_free(&kinds[2], instance);
	launch = read_row(1);
	ck_assert_ptr_null(((struct launch *)(void *)launch)->worker);
	row_free(&kinds[1], launch);
}
END_TEST

static bool
has_column(const struct column *columns, const char *name)
{
	for (; columns->name != NULL; columns++)
		if (strcmp(columns->name, name) == 0)
			return true;
	return false;
}

/* The tables here and those in the schema name the same columns. */
START_TEST(test_columns_are_those_of_the_schema)
{
	static const char *const infos[] = {"PRAGMA table_info(worker)",
		"PRAGMA table_info(launch)", "PRAGMA table_info(instance)",
		"PRAGMA table_info(owner)", "PRAGMA table_info(request)"};
	const struct kind *k = &kinds[_i];
	struct db_stmt *q = db_stmt(db, infos[_i]);
	size_t mapped = 0, columns = 0;

	while (db_step(q, NULL) == DB_ROW) {
		if (strcmp(db_text(q, 1), k->unmapped) == 0)
			continue;
		ck_assert_msg(has_column(k->columns, db_text(q, 1)),
			"%s.%s has no member", k->table, db_text(q, 1));
		mapped++;
	}
	while (k->columns[columns].name != NULL)
		columns++;
	ck_assert_uint_eq(mapped, columns);
	ck_assert_int_eq(columns_index(k->columns, k->columns[0].name), 0);
	ck_assert_int_eq(columns_index(k->columns, k->columns[columns - 1].name),
		(int)columns - 1);
}
END_TEST

static const struct {
	size_t kind;
	const char *column;
	int count;
} named[] = {
	{0, "phase", WORKER_COUNT},
	{1, "phase", LAUNCH_COUNT},
	{2, "phase", INSTANCE_COUNT},
	{2, "seen", EC2_STATE_COUNT},
	{4, "method", REQUEST_WHAT_COUNT},
};

START_TEST(test_named_values)
{
	const struct column *columns = kinds[named[_i].kind].columns;
	const struct column *c = &columns[columns_index(columns, named[_i].column)];

	for (int value = 0; value < named[_i].count; value++)
		ck_assert_int_eq(c->number(c->text(value)), value);
	ck_assert_int_lt(c->number("nonsense"), 0);
	ck_assert_int_lt(c->number(""), 0);
}
END_TEST

/* What no version of ours wrote. */
static const struct {
	size_t kind;
	const char *sql, *says;
	int line;
} odd[] = {
	{0, "UPDATE worker SET phase = 'nonsense'",
		"column phase: 'nonsense' is none of its values", __LINE__},
	{0, "UPDATE worker SET phase = x'00ff'", "column phase: ", __LINE__},
	{0, "UPDATE worker SET error_code = 1000", "column error_code: 1000", __LINE__},
	{0, "UPDATE worker SET error_code = -1", "column error_code: -1", __LINE__},
	{0, "UPDATE worker SET error_reason = 4294967296",
		"column error_reason: 4294967296", __LINE__},
	{1, "UPDATE launch SET phase = ''", "column phase: ''", __LINE__},
	{2, "UPDATE instance SET phase = 7", "column phase: '7'", __LINE__},
	{2, "UPDATE instance SET seen = 'melting'", "column seen: 'melting'", __LINE__},
	{0, "UPDATE worker SET attached = 2", "column attached: 2", __LINE__},
	{1, "UPDATE launch SET sends = 4294967296", "column sends: 4294967296",
		__LINE__},
	{1, "UPDATE launch SET sends = -1", "column sends: -1", __LINE__},
	/* Values that might be, but were not written. */
	{0, "UPDATE worker SET generation = generation + 1",
		"it is not as it was written", __LINE__},
	{0, "UPDATE worker SET owner = NULL", "it is not as it was written", __LINE__},
	{0, "UPDATE worker SET build = ''", "it is not as it was written", __LINE__},
	{1, "UPDATE launch SET phase = 'gone'", "it is not as it was written",
		__LINE__},
	{1, "UPDATE launch SET worker = 'bot2'", "it is not as it was written",
		__LINE__},
	{1, "UPDATE launch SET digest = digest || digest",
		"it is not as it was written", __LINE__},
	{2, "UPDATE instance SET launch = 'another'", "it is not as it was written",
		__LINE__},
	{2, "UPDATE instance SET seal = seal + 1", "it is not as it was written",
		__LINE__},
	{4, "UPDATE request SET method = 'worker.show'", "column method: 'worker.show'",
		__LINE__},
};

START_TEST(test_odd_values)
{
	const struct kind *k = &kinds[odd[_i].kind];
	char *row = fill(k, FILL_ONE), *got = xcalloc(1, k->size);
	struct db_stmt *q;
	struct err err;

	write_row(odd[_i].kind, row);
	ck_assert_int_eq(db_exec(db, odd[_i].sql, NULL), DB_DONE);
	q = db_stmt(db, sql[odd[_i].kind].select);
	ck_assert_int_eq(db_step(q, NULL), DB_ROW);
	ck_assert_msg(columns_read(q, k->columns, got, &err) < 0, "line %d: taken",
		odd[_i].line);
	ck_assert_int_eq(err.code, ERR_PARSE);
	ck_assert_msg(strncmp(err.text, odd[_i].says, strlen(odd[_i].says)) == 0,
		"line %d: %s", odd[_i].line, err.text);
	row_free(k, row);
	row_free(k, got);
}
END_TEST

/* Texts that are longer than their member are cut, absent ones are empty. */
START_TEST(test_text_of_another_size)
{
	struct launch *l;
	char *row = fill(&kinds[1], FILL_ONE);

	write_row(1, row);
	row_free(&kinds[1], row);
	ck_assert_int_eq(
		db_exec(db,
			"UPDATE launch SET digest = printf('%.*c', 1000, 'd'), seal = NULL",
			NULL),
		DB_DONE);
	row = read_row(1);
	l = (struct launch *)(void *)row;
	ck_assert_uint_eq(strlen(l->digest), sizeof(l->digest) - 1);
	ck_assert_uint_eq(strspn(l->digest, "d"), sizeof(l->digest) - 1);
	row_free(&kinds[1], row);
}
END_TEST

START_TEST(test_sql)
{
	static const struct column columns[] = {
		{.name = "one", .type = COLUMN_INT64},
		{.name = "two", .type = COLUMN_TEXT},
		{.name = "three", .type = COLUMN_BOOL},
		{.name = NULL},
	};
	AUTO(free) char *upsert = columns_upsert("t", columns);
	AUTO(free) char *two = columns_upsert_by("t", "one, two", columns);
	AUTO(free) char *select = columns_select("t", columns, "WHERE one = 1");

	ck_assert_str_eq(upsert,
		"INSERT INTO t(one, two, three) VALUES(?1, ?2, ?3) ON CONFLICT(one)"
		" DO UPDATE SET two = excluded.two, three = excluded.three");
	ck_assert_ptr_nonnull(strstr(two, ") ON CONFLICT(one, two) DO UPDATE SET "));
	ck_assert_str_eq(select, "SELECT one, two, three FROM t WHERE one = 1");
	ck_assert_int_eq(columns_index(columns, "two"), 1);
}
END_TEST

Suite *
test_suite(void)
{
	Suite *s = suite_create("store_columns");
	TCase *t = tcase_create("all");

	tcase_add_checked_fixture(t, setup, teardown);
	tcase_add_loop_test(t, test_round_trip, 0, COUNT_OF(kinds) * FILL_COUNT);
	tcase_add_loop_test(t, test_written_again, 0, COUNT_OF(kinds) * FILL_COUNT);
	tcase_add_loop_test(t, test_read_over_another, 0, COUNT_OF(kinds));
	tcase_add_test(t, test_pointers_are_stored_as_keys);
	tcase_add_loop_test(t, test_columns_are_those_of_the_schema, 0,
		COUNT_OF(kinds));
	tcase_add_loop_test(t, test_named_values, 0, COUNT_OF(named));
	tcase_add_loop_test(t, test_odd_values, 0, COUNT_OF(odd));
	tcase_add_test(t, test_text_of_another_size);
	tcase_add_test(t, test_sql);
	suite_add_tcase(s, t);
	return s;
}
