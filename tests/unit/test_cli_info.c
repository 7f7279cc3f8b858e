#include "cli/cli_info.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#include "cli/cli_text.h"
#include "common/buf.h"

static struct json_object *parse(const char *text)
{
	struct json_object *object = NULL;
	struct error err;

	assert_int_equal(json_parse(str_from(text), 16, &object, &err), 0);
	return object;
}

static void a_card_is_read_as_text(void **state)
{
	static const struct {
		const char *tokens;
		size_t width;
		const char *text;
	} rows[] = {
		{ "[]", 80, "" },
		{ "[[\"h1\"],\"Tiny\",null,[\"p\"],\"One "
		  "\",[\"strong\"],\"two\",null,\"\\nthree\","
		  "null]",
		  80, "# Tiny\n\nOne two three\n" },
		{ "[[\"p\"],\"one two three four five six\",null]", 20,
		  "one two three four\nfive six\n" },
		{ "[[\"p\"],[\"a\",\"https://x.example\"],\"there\",null,\" and \",[\"img\","
		  "\"https://y.example/p.png\",\"a llama\"],null]",
		  80, "there (https://x.example) and [a llama: https://y.example/p.png]\n" },
		{ "[[\"ol\",3],[\"li\"],\"a\",null,[\"li\"],\"b\",[\"ul\"],[\"li\",true],\"c\","
		  "null,"
		  "[\"li\",false],\"d\",null,null,null,null]",
		  80, "3. a\n4. b\n   x  c\n   o  d\n" },
		{ "[[\"pre\",\"sh\"],\"ls  -l\\n  pwd\\n\",null]", 20,
		  "    ls  -l\n      pwd\n" },
		{ "[[\"blockquote\"],[\"p\"],\"said\",null,null,[\"hr\"]]", 80,
		  "  said\n\n---\n" },
		{ "[[\"table\"],[\"tr\"],[\"th\",\"\"],\"a\",null,[\"th\",\"\"],\"b\",null,"
		  "null,"
		  "[\"tr\"],[\"td\",\"\"],\"c\",null,[\"td\",\"\"],\"d\",null,null,null]",
		  80, "a | b\nc | d\n" },
		{ "[[\"p\"],\"a\\u001b[31m\\u202eb\",[\"br\"],\"c\",null]", 80,
		  "a\\x1b[31m\\xe2\\x80\\xaeb\nc\n" },
		/* Not what a daemon sends: nothing breaks. */
		{ "[null,null,[\"nonsense-element\"],[\"p\"],\"x\",null,null,7,[1],[]]", 80,
		  "x\n7\n" },
		{ "[[\"p\"],[\"a\",\"https://x.example\"],\"https://x.example\",null,\" \","
		  "[\"a\",\"https://hub.example/acme/a/blob/main/b\"],\"b\",null,null]",
		  80, "https://x.example b\n" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		AUTO_JSON tokens = parse(rows[i].tokens);
		AUTO(buf) b = buf_new(8192);

		cli_info_add_text(b, tokens, S("https://hub.example/acme/a"), rows[i].width);
		assert_string_equal(buf_cstr(b), rows[i].text);
	}
}

static void facts_are_told_in_lines(void **state)
{
	static const char model[] =
		"{\"repo\":\"acme/a\",\"present\":true,\"parameters\":7241732096,"
		"\"context_length\":32768,\"architecture\":\"llama\",\"base_model\":null,"
		"\"licence\":\"mit\",\"task\":null,\"gated\":\"manual\",\"page\":"
		"\"https://hub.example/acme/a\",\"modified_at\":\"2026-03-04T05:06:07Z\","
		"\"downloads\":1234,\"likes\":5,\"scan\":{\"done\":true,\"issues_total\":2,"
		"\"issues\":[{\"path\":\"x.bin\",\"level\":\"unsafe\"}]}}";
	AUTO_JSON object = parse(model);
	AUTO(buf) b = buf_new(8192);

	(void)state;
	cli_info_add_facts(b, object);
	assert_string_equal(
		buf_cstr(b),
		"acme/a, which is here\n"
		"parameters:   7.2B\n"
		"context:      32,768\n"
		"architecture: llama\n"
		"licence:      mit\n"
		"access:       its owner decides; ask at https://hub.example/acme/a, "
		"with the account of your token\n"
		"changed:      2026-03-04\n"
		"downloads:    1,234\n"
		"likes:        5\n"
		"Hub's scan:   2 files with issues\n"
		"              unsafe: x.bin\n"
		"page:         https://hub.example/acme/a\n");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_card_is_read_as_text),
		cmocka_unit_test(facts_are_told_in_lines),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
