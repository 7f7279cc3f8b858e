#include "cli/cli_progress.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#include <string.h>

#include "cli/cli_text.h"
#include "common/buf.h"
#include "common/error.h"

#define NOW_MS 1795383737000 /* 2026-11-22T21:42:17Z */

#define RUNNING                                                                           \
	"{\"id\":\"aaaa\",\"repo\":\"acme/tiny-7b-GGUF\",\"select\":[\"Q4_K_M\"],"        \
	"\"state\":\"downloading\",\"bytes_total\":4400000000,\"bytes_done\":2000000000," \
	"\"speed_bps\":12300000,\"eta_s\":196}"
#define WAITING                                                                       \
	"{\"id\":\"bbbb\",\"repo\":\"acme/x\",\"select\":[],\"state\":\"waiting\","   \
	"\"reason\":{\"code\":\"rate_limited\",\"message\":\"the hub answered 429\"," \
	"\"retry_at\":\"2026-11-22T21:42:42.000Z\"},\"bytes_total\":1000,\"bytes_done\":10}"
#define DONE                                                                          \
	"{\"id\":\"cccc\",\"repo\":\"acme/y\",\"select\":[],\"state\":\"completed\"," \
	"\"bytes_total\":100,\"bytes_done\":100}"
#define QUEUED                                                                     \
	"{\"id\":\"dddd\",\"repo\":\"acme/z\",\"select\":[],\"state\":\"queued\"," \
	"\"bytes_total\":0,\"bytes_done\":0}"
#define VERIFYING                                                                     \
	"{\"id\":\"eeee\",\"repo\":\"acme/v\",\"select\":[],\"state\":\"verifying\"," \
	"\"bytes_total\":100,\"bytes_done\":100,\"bytes_verified\":55}"
#define HOSTILE                                                                         \
	"{\"id\":\"ffff\",\"repo\":\"acme/\\u001b[2J\\n\\u65e5\\u672c\",\"select\":[]," \
	"\"state\":\"re\\u0007solving\",\"bytes_total\":100,\"bytes_done\":-5}"

static struct json_object *parse(const char *text)
{
	struct json_object *object = NULL;
	struct error err;

	assert_int_equal(json_parse(str_from(text), 16, &object, &err), 0);
	return object;
}

static void assert_frame(const char *downloads, struct cli_progress_look look,
			 const char *expected)
{
	AUTO_JSON array = parse(downloads);
	AUTO(buf) frame = buf_new(100000);

	look.now_ms = NOW_MS;
	if (look.rows == 0)
		look.rows = 20;
	cli_progress_render(frame, array, &look);
	assert_string_equal(buf_cstr(frame), expected);
}

static void the_frame_says_more_where_there_is_more_room(void **state)
{
	static const struct {
		size_t columns;
		const char *frame;
	} rows[] = {
		{ 10, "acme...K_M\n" },
		{ 20, "acme/...4_K_M   45 %\n" },
		{ 39, "acme/tin... Q4_K_M   45 %  3 m 16 s\n" },
		{ 79, "acme/tiny...F Q4_K_M  ###-----   45 %    2.0 of 4.4 GB  12.3 MB/s  3 m "
		      "16 s\n" },
		{ 99, "acme/tiny-7b-GGUF Q4_K_M  ####------   45 %    2.0 of 4.4 GB  12.3 MB/s "
		      " 3 m 16 s      downloading\n" },
		{ 149, "acme/tiny-7b-GGUF Q4_K_M  "
		       "###########################---------------------------------   45 %    "
		       "2.0 of 4.4 GB  12.3 MB/s  3 m 16 s      downloading\n" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		assert_frame("[" RUNNING "]",
			     (struct cli_progress_look){ .columns = rows[i].columns },
			     rows[i].frame);
}

static void the_bar_has_half_cells_where_there_is_utf8(void **state)
{
	(void)state;
	assert_frame("[" RUNNING "]",
		     (struct cli_progress_look){ .columns = 79, .is_utf8 = true },
		     "acme/tiny-\xe2\x80\xa6UF Q4_K_M  "
		     "\xe2\x94\x81\xe2\x94\x81\xe2\x94\x81\xe2\x95\xb8\xe2\x94\x80\xe2\x94\x80"
		     "\xe2\x94\x80\xe2\x94\x80   45 %    2.0 of 4.4 GB  12.3 MB/s  3 m 16 s\n");
	assert_frame("[" RUNNING "]",
		     (struct cli_progress_look){
			     .columns = 79, .is_utf8 = true, .has_colour = true },
		     "acme/tiny-\xe2\x80\xa6UF Q4_K_M  "
		     "\x1b[36m\xe2\x94\x81\xe2\x94\x81\xe2\x94\x81\xe2\x95\xb8\x1b[0m\x1b["
		     "2m\xe2\x94\x80\xe2\x94\x80\xe2\x94\x80\xe2\x94\x80\x1b[0m   45 %    2.0 "
		     "of 4.4 GB  12.3 MB/s  3 m 16 s\n");
}

static void who_waits_says_why_and_how_long(void **state)
{
	static const struct {
		size_t columns;
		const char *frame;
	} rows[] = {
		{ 39, "acme/x          1 %  waiting 25 s\n" },
		{ 79, "acme/x        ----------------    1 %    0.0 of 1.0 kB  waiting 25 s: "
		      "the hu...\n" },
		{ 149,
		  "acme/x        ------------------------------------------------------------  "
		  "  1 %    0.0 of 1.0 kB  waiting 25 s: the hub answered 429\n" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		assert_frame("[" WAITING "]",
			     (struct cli_progress_look){ .columns = rows[i].columns },
			     rows[i].frame);
	assert_frame(
		"[" VERIFYING "]", (struct cli_progress_look){ .columns = 79 },
		"acme/v        ################  100 %     100 of 100 B  verifying 55 %\n");
	assert_frame("[" QUEUED "]", (struct cli_progress_look){ .columns = 79 },
		     "acme/z        ----------------                          queued\n");
}

static void several_downloads_have_a_total(void **state)
{
	(void)state;
	assert_frame("[" RUNNING "," WAITING "," DONE "," QUEUED "]",
		     (struct cli_progress_look){ .columns = 99 },
		     "acme/tiny-7b-GGUF Q4_K_M  ####------   45 %    2.0 of 4.4 GB  12.3 MB/s  "
		     "3 m 16 s      downloading\n"
		     "acme/x                    ----------    1 %    0.0 of 1.0 kB  waiting 25 "
		     "s: the hub answered 429\n"
		     "total, 1 of 4 done        ####------   45 %    2.0 of 4.4 GB  12.3 MB/s  "
		     "3 m 16 s      1 queued\n");
}

static void what_does_not_fit_the_height_is_counted(void **state)
{
	(void)state;
	assert_frame("[" RUNNING "," WAITING "," DONE "]",
		     (struct cli_progress_look){ .columns = 99, .rows = 2 },
		     "acme/tiny-7b-GGUF Q4_K_M  ####------   45 %    2.0 of 4.4 GB  12.3 MB/s  "
		     "3 m 16 s      downloading\n"
		     "total, 1 of 3 done        ####------   45 %    2.0 of 4.4 GB  12.3 MB/s  "
		     "3 m 16 s      1 not shown\n");
	assert_frame("[" RUNNING "," WAITING "," DONE "]",
		     (struct cli_progress_look){
			     .columns = 39, .rows = 3, .notice = "larderd is away, waiting" },
		     "acme/tin... Q4_K_M   45 %  3 m 16 s\n"
		     "total, 1 of 3 done   45 %  3 m 16 s\n"
		     "larderd is away, waiting\n");
}

static void when_all_is_over_there_is_no_frame(void **state)
{
	(void)state;
	assert_frame("[" DONE "]", (struct cli_progress_look){ .columns = 79 }, "");
	assert_frame("[]", (struct cli_progress_look){ .columns = 79 }, "");
}

static size_t visible_width(struct str line)
{
	size_t width = 0;

	while (line.n > 0) {
		size_t plain = str_find_char(line, '\x1b');
		struct str rest = str_sub(line, plain, line.n);

		width += cli_text_width(str_sub(line, 0, plain));
		line = str_sub(rest, str_find_char(rest, 'm') + 1, rest.n);
	}
	return width;
}

static void every_frame_fits_its_terminal(void **state)
{
	AUTO_JSON array = parse("[" RUNNING "," WAITING "," DONE "," QUEUED "," VERIFYING
				"," HOSTILE "]");

	(void)state;
	for (unsigned i = 0; i < 220 * 8; i++) {
		struct cli_progress_look look = {
			.columns = i / 8 + 1,
			.rows = i % 7 + 1,
			.is_utf8 = i % 2 == 0,
			.has_colour = i / 2 % 2 == 0,
			.now_ms = NOW_MS,
			.notice = i / 4 % 2 == 0 ? "larderd is away, waiting" : NULL,
		};
		AUTO(buf) frame = buf_new(100000);
		struct str rest;
		struct str line;
		size_t n = 0;

		cli_progress_render(frame, array, &look);
		assert_true(str_is_utf8(buf_str(frame)));
		assert_true(look.has_colour ||
			    str_find_char(buf_str(frame), '\x1b') == buf_str(frame).n);
		assert_true(str_find(buf_str(frame), S("\x1b[2J")) == buf_str(frame).n);
		rest = buf_str(frame);
		for (; str_next(&rest, '\n', &line); n++)
			assert_true(visible_width(line) <= look.columns);
		assert_true(n <= look.rows + 1); /* what follows the last "\n" is empty */
	}
}

static void off_a_terminal_it_is_one_plain_line(void **state)
{
	static const struct {
		const char *downloads, *line;
	} rows[] = {
		{ "[" RUNNING "]", "45 %, 2.0 of 4.4 GB, 12.3 MB/s, 3 m 16 s left" },
		{ "[" RUNNING "," DONE "]",
		  "1 of 2 done, 45 %, 2.0 of 4.4 GB, 12.3 MB/s, 3 m 16 s left" },
		{ "[" QUEUED "]", "" },
		{ "[" WAITING "]", "1 %, 0.0 of 1.0 kB" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		AUTO_JSON array = parse(rows[i].downloads);
		AUTO(buf) b = buf_new(1000);

		cli_progress_add_line(b, array);
		assert_string_equal(buf_cstr(b), rows[i].line);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_frame_says_more_where_there_is_more_room),
		cmocka_unit_test(the_bar_has_half_cells_where_there_is_utf8),
		cmocka_unit_test(who_waits_says_why_and_how_long),
		cmocka_unit_test(several_downloads_have_a_total),
		cmocka_unit_test(what_does_not_fit_the_height_is_counted),
		cmocka_unit_test(when_all_is_over_there_is_no_frame),
		cmocka_unit_test(every_frame_fits_its_terminal),
		cmocka_unit_test(off_a_terminal_it_is_one_plain_line),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
