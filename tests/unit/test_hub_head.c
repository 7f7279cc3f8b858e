#include "downloader/hub_head.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#include <string.h>

#include "tests/unit/head.h"
#include "tests/unit/origin.h"
#include "tests/unit/rig.h"

#define TARGET "/" RIG_REPO "/resolve/" RIG_COMMIT "/m.gguf"
#define DIGEST "4444444444444444444444444444444444444444444444444444444444444444"
#define OTHER  "5555555555555555555555555555555555555555555555555555555555555555"

enum {
	U32 = 4,
	STRING = 8,
	ARRAY = 9,
	KEYS_AT = 16,
};

/* What came of a call. */
struct told {
	bool is_done;
	unsigned calls;
	bool is_known;
	struct gguf gguf;
	struct error error;
};

static void on_head(void *ctx, const struct gguf *gguf, const struct error *err)
{
	struct told *told = ctx;

	told->calls++;
	told->is_done = true;
	told->is_known = gguf != NULL;
	if (gguf != NULL)
		told->gguf = *gguf;
	told->error = err != NULL ? *err : (struct error){ .code = ERR_NONE };
}

static void ask(struct rig *rig, struct hub_heads *heads, const char *digest, uint64_t size,
		struct told *told)
{
	struct hubfile_identity identity = { .type = REPO_MODEL,
					     .repo = RIG_REPO,
					     .commit = RIG_COMMIT,
					     .path = "m.gguf",
					     .digest = digest,
					     .size = size };

	*told = (struct told){ .calls = 0 };
	hub_head(heads, &identity, on_head, told);
	assert_false(told->is_done);
	loop_until(rig->loop, &told->is_done);
	assert_int_equal(told->calls, 1);
	assert_true(told->is_known == (told->error.code == ERR_NONE));
}

static void add_key(struct head *head, const char *key, uint32_t type)
{
	head->bytes[KEYS_AT]++;
	head_number(head, 8, strlen(key));
	head_bytes(head, str_from(key));
	head_number(head, 4, type);
}

static void add_u32(struct head *head, const char *key, uint32_t value)
{
	add_key(head, key, U32);
	head_number(head, 4, value);
}

/* What is served in a test: the server's thread may still be busy with it at the test's end. */
static char *served;

static int remove_all(void **state)
{
	int result = rig_remove(state);

	free(served);
	served = NULL;
	return result;
}

/* A head whose tokens begin after `gap` bytes that are skipped. */
static const char *make_file(uint64_t gap, size_t n)
{
	struct head head = { .n = 0 };
	char *file = mem_alloc(n);
	size_t before = 0;

	served = file;
	head_bytes(&head, S("GGUF"));
	head_number(&head, 4, 3);
	head_number(&head, 8, 0);
	head_number(&head, 8, 0);
	add_key(&head, "general.architecture", STRING);
	head_number(&head, 8, 5);
	head_bytes(&head, S("llama"));
	add_u32(&head, "llama.block_count", 4);
	add_u32(&head, "llama.embedding_length", 64);
	add_key(&head, "llama.junk", STRING);
	head_number(&head, 8, gap);
	before = head.n;
	add_u32(&head, "llama.attention.head_count", 4);
	add_key(&head, "tokenizer.ggml.tokens", ARRAY);
	memcpy(file, head.bytes, before);
	memcpy(file + before + gap, head.bytes + before, head.n - before);
	return file;
}

static void serve(struct rig *rig, const char *file, size_t n)
{
	answerer_add(rig->server, (struct answerer_rule){ .target = TARGET,
							  .status = "200 OK",
							  .body = { file, n },
							  .is_ranged = true });
}

static void the_first_bytes_are_enough_and_are_remembered(void **state)
{
	struct rig *rig = *state;
	struct hub_heads *heads = hub_heads_new(rig->hub, rig->pool);
	size_t n = 2 * (size_t)HUB_HEAD_FIRST;
	const char *file = make_file(0, n);
	struct answerer_seen seen;
	struct told told;

	serve(rig, file, n);
	for (unsigned i = 0; i < 2; i++) {
		ask(rig, heads, DIGEST, n, &told);
		assert_string_equal(told.gguf.architecture, "llama");
		assert_int_equal(told.gguf.kv_heads, 16);
		assert_int_equal(answerer_count(rig->server, TARGET, &seen), 1);
	}
	assert_string_equal(seen.range, "bytes=0-262143");
	hub_heads_free(&heads);
}

/* To tell a file again is not to remember it again, in the place of another. */
static void what_is_told_often_drives_nothing_out(void **state)
{
	struct rig *rig = *state;
	struct hub_heads *heads = hub_heads_new(rig->hub, rig->pool);
	size_t n = HUB_HEAD_FIRST;
	const char *file = make_file(0, n);
	struct answerer_seen seen;
	struct told told;

	serve(rig, file, n);
	ask(rig, heads, OTHER, n, &told);
	for (unsigned i = 0; i <= HUB_HEADS_KEPT; i++)
		ask(rig, heads, DIGEST, n, &told);
	ask(rig, heads, OTHER, n, &told);
	assert_int_equal(told.gguf.kv_heads, 16);
	assert_int_equal(answerer_count(rig->server, TARGET, &seen), 2);
	hub_heads_free(&heads);
}

static void more_is_asked_for_where_the_model_is_further_on(void **state)
{
	struct rig *rig = *state;
	struct hub_heads *heads = hub_heads_new(rig->hub, rig->pool);
	size_t n = 3 * (size_t)HUB_HEAD_FIRST;
	const char *file = make_file(HUB_HEAD_FIRST, n);
	struct answerer_seen seen;
	struct told told;

	serve(rig, file, n);
	ask(rig, heads, DIGEST, n, &told);
	assert_int_equal(told.gguf.kv_heads, 16);
	assert_int_equal(answerer_count(rig->server, TARGET, &seen), 2);
	assert_string_equal(seen.range, "bytes=262144-786431");
	hub_heads_free(&heads);
}

static void what_says_nothing_in_time_is_given_up(void **state)
{
	struct rig *rig = *state;
	struct hub_heads *heads = hub_heads_new(rig->hub, rig->pool);
	size_t n = (size_t)HUB_HEAD_MAX + HUB_HEAD_FIRST;
	const char *file = make_file(HUB_HEAD_MAX, n);
	struct answerer_seen seen;
	struct told told;

	serve(rig, file, n);
	ask(rig, heads, DIGEST, n, &told);
	assert_false(told.is_known);
	assert_int_equal(told.error.code, ERR_INVALID);
	assert_int_equal(answerer_count(rig->server, TARGET, &seen), 3);
	hub_heads_free(&heads);
}

static void what_is_no_gguf_is_said(void **state)
{
	struct rig *rig = *state;
	struct hub_heads *heads = hub_heads_new(rig->hub, rig->pool);
	struct str page = S("<html>Sign in first</html>");
	struct told told;

	serve(rig, page.p, page.n);
	ask(rig, heads, DIGEST, page.n, &told);
	assert_false(told.is_known);
	assert_non_null(strstr(told.error.text, "GGUF"));
	hub_heads_free(&heads);
}

static void an_error_of_the_hub_is_told(void **state)
{
	struct rig *rig = *state;
	struct hub_heads *heads = hub_heads_new(rig->hub, rig->pool);
	struct told told;

	answerer_add(rig->server,
		     (struct answerer_rule){ .target = TARGET, .status = "404 Not Found" });
	ask(rig, heads, DIGEST, 1000, &told);
	assert_int_equal(told.error.code, ERR_NOT_FOUND);
	hub_heads_free(&heads);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(the_first_bytes_are_enough_and_are_remembered,
						rig_make, remove_all),
		cmocka_unit_test_setup_teardown(what_is_told_often_drives_nothing_out, rig_make,
						remove_all),
		cmocka_unit_test_setup_teardown(more_is_asked_for_where_the_model_is_further_on,
						rig_make, remove_all),
		cmocka_unit_test_setup_teardown(what_says_nothing_in_time_is_given_up, rig_make,
						remove_all),
		cmocka_unit_test_setup_teardown(what_is_no_gguf_is_said, rig_make, remove_all),
		cmocka_unit_test_setup_teardown(an_error_of_the_hub_is_told, rig_make,
						remove_all),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
