#include "downloader/card.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "common/error.h"
#include "common/json.h"

static const char page[] = "https://hub.example/acme/a/blob/main/README.md";
static const char files[] = "https://hub.example/acme/a/resolve/main/README.md";

/* Begins equal ends, nothing lies too deep. */
static void assert_balanced(struct json_object *tokens)
{
	size_t depth = 0;

	for (size_t i = 0; i < json_object_array_length(tokens); i++) {
		struct json_object *token = json_object_array_get_idx(tokens, i);
		const char *name;

		if (token == NULL) {
			assert_true(depth > 0);
			depth--;
		} else if (json_object_is_type(token, json_type_array)) {
			name = json_object_get_string(json_object_array_get_idx(token, 0));
			if (strcmp(name, "br") != 0 && strcmp(name, "hr") != 0 &&
			    strcmp(name, "img") != 0)
				depth++;
			assert_true(depth <= CARD_DEPTH_MAX);
		} else {
			assert_true(json_object_is_type(token, json_type_string));
		}
	}
	assert_int_equal(depth, 0);
}

static char *read(const char *markdown)
{
	AUTO_JSON tokens = NULL;
	struct error err;

	assert_int_equal(card_read(str_from(markdown), page, files, &tokens, &err), 0);
	assert_balanced(tokens);
	return str_dup(json_text(tokens));
}

static void markdown_becomes_elements(void **state)
{
	static const char *const rows[][2] = {
		{ "", "[]" },
		{ "---\nlicense: mit\n---\n# Hi", "[[\"h1\"],\"Hi\",null]" },
		{ "\xef\xbb\xbf---\r\na: b\r\n---\r\nHi", "[[\"p\"],\"Hi\",null]" },
		{ "---\nno end", "[[\"hr\"],[\"p\"],\"no end\",null]" },
		{ "a *b* **c** ~~d~~ `e`", "[[\"p\"],\"a \",[\"em\"],\"b\",null,\" "
					   "\",[\"strong\"],\"c\",null,\" \",[\"del\"],"
					   "\"d\",null,\" \",[\"code\"],\"e\",null,null]" },
		{ "a  \nb", "[[\"p\"],\"a\",[\"br\"],\"b\",null]" },
		{ "```sh extra\nls\n```", "[[\"pre\",\"sh\"],\"ls\\n\",null]" },
		{ "> a", "[[\"blockquote\"],[\"p\"],\"a\",null,null]" },
		{ "* a\n* b", "[[\"ul\"],[\"li\"],\"a\",null,[\"li\"],\"b\",null,null]" },
		{ "3. a\n\n4. b", "[[\"ol\",3],[\"li\"],[\"p\"],\"a\",null,null,[\"li\"],["
				  "\"p\"],\"b\",null,null,"
				  "null]" },
		{ "- [x] a\n- [ ] b",
		  "[[\"ul\"],[\"li\",true],\"a\",null,[\"li\",false],\"b\",null,null]" },
		{ "| a | b |\n|:-:|--:|\n| c | d |", "[[\"table\"],[\"tr\"],[\"th\",\"center\"]"
						     ",\"a\",null,[\"th\",\"right\"],\"b\","
						     "null,null,[\"tr\"],[\"td\",\"center\"],"
						     "\"c\",null,[\"td\",\"right\"],\"d\",null,"
						     "null,null]" },
		{ "***", "[[\"hr\"]]" },
		{ "\x01\xff!", "[[\"p\"],\"\\u0001\xef\xbf\xbd!\",null]" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		char *text = read(rows[i][0]);

		assert_string_equal(text, rows[i][1]);
		free(text);
	}
}

static void addresses_are_whole_and_harmless(void **state)
{
	static const char *const rows[][2] = {
		{ "[a](https://x.example/?q=1#f)", "[\"a\",\"https://x.example/?q=1#f\"]" },
		{ "[a](http://x.example)", "[\"a\",\"http://x.example\"]" },
		{ "www.x.example", "[\"a\",\"http://www.x.example\"]" },
		{ "[a](docs/use.md)",
		  "[\"a\",\"https://hub.example/acme/a/blob/main/docs/use.md\"]" },
		{ "[a](/other/b)", "[\"a\",\"https://hub.example/other/b\"]" },
		{ "[a](mailto:ada@x.example)", "[\"a\",\"mailto:ada@x.example\"]" },
		{ "![w](pic.png)",
		  "[\"img\",\"https://hub.example/acme/a/resolve/main/pic.png\",\"w\"]" },
		{ "![*w* `c`](https://x.example/p.png)",
		  "[\"img\",\"https://x.example/p.png\",\"w c\"]" },
		{ "<img src='https://x.example/&amp;.png' alt=w>",
		  "[\"img\",\"https://x.example/&.png\",\"w\"]" },
		{ "text <a href=\"https://x.example\">b</a> end",
		  "[\"a\",\"https://x.example\"],\"b\",null,\" end\"" },
	};
	static const char *const harmful[] = {
		"[a](javascript:alert(1))",
		"[a](JaVaScRiPt:alert(1))",
		"[a](data:text/html,x)",
		"[a](vbscript:x)",
		"[a](file:///etc/passwd)",
		"[a](#there)",
		"[a](https://ada:b@)",
		"![a](javascript:x)",
		"![a](data:image/png,x)",
		"<a href=\"javascript:alert(1)\">a</a>",
		"<a href=' java&#x0a;script:alert(1)'>a</a>",
		"<img src=\"x:y\" onerror=\"alert(1)\" alt=a>",
		"[a](<java script:alert(1)>)",
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		char *text = read(rows[i][0]);

		if (strstr(text, rows[i][1]) == NULL)
			fail_msg("%s became %s", rows[i][0], text);
		free(text);
	}
	for (size_t i = 0; i < ARRAY_LEN(harmful); i++) {
		char *text = read(harmful[i]);

		if (strstr(text, "[\"a\"") != NULL || strstr(text, "[\"img\"") != NULL ||
		    strstr(text, "\"a\"") == NULL)
			fail_msg("%s became %s", harmful[i], text);
		free(text);
	}
}

static void html_is_taken_for_what_it_means(void **state)
{
	static const char *const rows[][2] = {
		{ "<div align=center>\n<h1>Big &amp; small</h1>\n</div>",
		  "[[\"h1\"],\"Big & small\",null]" },
		{ "<p>a<br/>b</p>", "[[\"p\"],\"a\",[\"br\"],\"b\",null]" },
		{ "<script>alert(1)</script>", "[]" },
		{ "<style>p{}</style >after", "[[\"p\"],\"after\\n\",null]" },
		{ "<p></p><p> </p><div>\n<p>a</p> </div>", "[[\"p\"],\"a\",null]" },
		{ "<p><a href=b>a</a>\n<a href=b>c</a></p>",
		  "[[\"p\"],[\"a\",\"https://hub.example/acme/a/blob/main/b\"],\"a\",null,"
		  "\"\\n\",[\"a\",\"https://hub.example/acme/a/blob/main/b\"],\"c\",null,"
		  "null]" },
		{ "<!-- a -->", "[]" },
		{ "a <!-- b --> c", "[[\"p\"],\"a \",\" c\",null]" },
		{ "a <b>b *c</b> d*",
		  "[[\"p\"],\"a \",[\"strong\"],\"b \",[\"em\"],\"c\",\" d\",null,null,"
		  "null]" },
		{ "a <b>b", "[[\"p\"],\"a \",[\"strong\"],\"b\",null,null]" },
		{ "a </b> b", "[[\"p\"],\"a \",\" b\",null]" },
		{ "a <table> b", "[[\"p\"],\"a \",\" b\",null]" },
		{ "<table><tr><td>a</td></tr></table>",
		  "[[\"table\"],[\"tr\"],[\"td\",\"\"],\"a\",null,null,null]" },
		{ "<iframe src=\"https://x.example\">in</iframe>",
		  "[[\"p\"],\"in\",\"\\n\",null]" },
		{ "<p><a><br><p", "[[\"p\"],[\"br\"],null]" },
		{ "<a>\n<<p", "[[\"p\"],\"<\",null]" },
		{ "<DIV>a</dIv>", "[[\"p\"],\"a\",null]" },
		{ "<p", "[]" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		char *text = read(rows[i][0]);

		assert_string_equal(text, rows[i][1]);
		free(text);
	}
}

static char *repeat(const char *what, size_t times)
{
	size_t n = strlen(what);
	char *text = mem_array(times * n + 1, 1);

	for (size_t i = 0; i < times; i++)
		memcpy(text + i * n, what, n);
	return text;
}

static void what_is_made_to_hurt_does_not(void **state)
{
	static const char *const rows[] = { "> ",    "* ",   "[",    "*a_ ",  "<b>",   "<p>",
					    "<ul>",  "|",    "a|\n", "1. ",   "`",     "<",
					    "<div>", "&#1;", "\t* ", "~~a~~", "- [ ] " };

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		char *markdown = repeat(rows[i], CARD_MAX / strlen(rows[i]) + 8);
		AUTO_JSON tokens = NULL;
		struct error err;

		assert_int_equal(card_read(str_from(markdown), page, files, &tokens, &err), 0);
		assert_balanced(tokens);
		assert_true(json_object_array_length(tokens) <=
			    CARD_TOKENS_MAX + CARD_DEPTH_MAX + 2);
		free(markdown);
	}
}

/* A first row of so many columns, and lines that would be completed to as many cells each. */
static void a_table_is_not_completed_without_end(void **state)
{
	AUTO_CSTR row = repeat("a|", 2000);
	AUTO_CSTR line = repeat("-|", 2000);
	AUTO_CSTR lines = repeat("a\n", 50 * 1000);
	AUTO_CSTR markdown = mem_printf("%s\n%s\n%s", row, line, lines);
	AUTO_JSON tokens = NULL;
	struct error err;

	(void)state;
	assert_int_equal(card_read(str_from(markdown), page, files, &tokens, &err), 0);
	assert_balanced(tokens);
	assert_true(str_find(json_text(tokens), S("table")) == json_text(tokens).n);
}

/* What the library would copy, or look for, without a measure. */
static void what_would_take_too_much_is_not_read(void **state)
{
	AUTO_CSTR address = repeat("x", 60 * 1000);
	AUTO_CSTR uses = repeat("[a] ", 15 * 1000);
	AUTO_CSTR copies = mem_printf("[a]: mailto:%s\n\n%s", address, uses);
	AUTO_CSTR openings = repeat("a <?", 30 * 1000);
	AUTO_CSTR sections = repeat("a <![CDATA[", 10 * 1000);
	AUTO_CSTR images = repeat("![[]()", 20 * 1000);
	const char *const rows[] = { copies, openings, sections, images };

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		AUTO_JSON tokens = NULL;
		struct error err;

		assert_int_equal(card_read(str_from(rows[i]), page, files, &tokens, &err), -1);
		assert_int_equal(err.code, ERR_INVALID);
		assert_null(tokens);
	}
}

/* An address that is used again and again is one that is told again and again. */
static void the_stream_has_a_measure_in_bytes(void **state)
{
	AUTO_CSTR address = repeat("x", 8000);
	AUTO_CSTR uses = repeat("[a] ", 1500);
	AUTO_CSTR markdown = mem_printf("[a]: https://x.example/%s\n\n%s", address, uses);
	AUTO_JSON tokens = NULL;
	struct error err;

	(void)state;
	assert_int_equal(card_read(str_from(markdown), page, files, &tokens, &err), 0);
	assert_balanced(tokens);
	assert_in_range(json_text(tokens).n, CARD_TEXT_MAX, 2 * CARD_TEXT_MAX);
}

/* Tags that begin and never end, and ends of what was never begun, cost nothing. */
static void tags_without_end_are_passed_over(void **state)
{
	AUTO_CSTR begins = repeat("<b>", 15 * 1000);
	AUTO_CSTR ends = repeat("</i>", 15 * 1000);
	AUTO_CSTR markdown = mem_printf("<p>%s%s", begins, ends);
	char *text = read(markdown);

	(void)state;
	assert_int_equal(text[0], '[');
	free(text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(markdown_becomes_elements),
		cmocka_unit_test(addresses_are_whole_and_harmless),
		cmocka_unit_test(html_is_taken_for_what_it_means),
		cmocka_unit_test(what_is_made_to_hurt_does_not),
		cmocka_unit_test(what_would_take_too_much_is_not_read),
		cmocka_unit_test(the_stream_has_a_measure_in_bytes),
		cmocka_unit_test(tags_without_end_are_passed_over),
		cmocka_unit_test(a_table_is_not_completed_without_end),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
