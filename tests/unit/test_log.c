#include "common/log.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/error.h"
#include "common/json.h"
#include "common/log_repeat.h"

enum {
	CAPTURE_MAX = 256 * 1024,
	N_THREADS = 4,
	N_LINES = 100,
};

/* stderr goes to a file of its own until capture_end(). */
struct capture {
	int fd;
	int saved;
	char text[CAPTURE_MAX];
};

static struct capture *capture_begin(void)
{
	struct capture *capture = mem_alloc(sizeof(*capture));
	char name[] = "/tmp/larder-unit-XXXXXX";

	capture->fd = mkostemp(name, O_CLOEXEC);
	(void)unlink(name);
	capture->saved = fcntl(STDERR_FILENO, F_DUPFD_CLOEXEC, 3);
	if (capture->fd < 0 || capture->saved < 0 || dup2(capture->fd, STDERR_FILENO) < 0)
		abort();
	return capture;
}

static void capture_end(struct capture *capture)
{
	if (dup2(capture->saved, STDERR_FILENO) < 0 ||
	    pread(capture->fd, capture->text, CAPTURE_MAX - 1, 0) < 0)
		abort();
	fd_close(&capture->fd);
	fd_close(&capture->saved);
}

static void begin(enum log_format format, enum log_level level)
{
	(void)unsetenv("JOURNAL_STREAM");
	log_init("unit", format, level);
}

static void less_important_lines_than_asked_for_are_left_out(void **state)
{
	(void)state;
	for (unsigned level = 0; level < LOG_LEVEL_COUNT; level++) {
		struct capture *capture = capture_begin();
		size_t lines = 0;

		begin(LOG_FORMAT_TEXT, (enum log_level)level);
		for (unsigned i = 0; i < LOG_LEVEL_COUNT; i++)
			log_at((enum log_level)i, "line %u of %u", i, level);
		capture_end(capture);
		for (const char *c = capture->text; *c != '\0'; c++)
			lines += *c == '\n' ? 1 : 0;
		assert_int_equal(lines, level + 1);
		free(capture);
	}
}

static void a_line_says_level_program_and_text(void **state)
{
	struct capture *capture = capture_begin();

	(void)state;
	begin(LOG_FORMAT_TEXT, LOG_LEVEL_DEBUG);
	log_warning("job %d: %s", 17, "retry");
	capture_end(capture);
	assert_non_null(strstr(capture->text, "Z warning unit: job 17: retry\n"));
	free(capture);
}

static void a_line_of_a_request_says_which(void **state)
{
	struct capture *capture = capture_begin();
	AUTO_JSON object = NULL;
	struct error err;
	const char *second;

	(void)state;
	begin(LOG_FORMAT_TEXT, LOG_LEVEL_INFO);
	log_set_request(S("r-1\n"));
	log_info("a");
	begin(LOG_FORMAT_JSON, LOG_LEVEL_INFO);
	log_info("b");
	log_set_request(S(""));
	log_info("c");
	capture_end(capture);
	assert_non_null(strstr(capture->text, "unit: a [r-1\\x0a]\n"));
	second = strchr(capture->text, '\n') + 1;
	assert_int_equal(
		json_parse(str_sub(str_from(second), 0, str_find_char(str_from(second), '\n')),
			   2, &object, &err),
		0);
	assert_true(str_is_equal(json_get_str(object, "request_id"), S("r-1\n")));
	assert_true(str_is_equal(json_get_str(object, "message"), S("b")));
	assert_null(strstr(strchr(second, '\n') + 1, "request_id"));
	free(capture);
}

static void a_stream_that_is_not_journalds_gets_lines(void **state)
{
	struct capture *capture = capture_begin();

	(void)state;
	assert_int_equal(setenv("JOURNAL_STREAM", "8:1", 1), 0);
	log_init("unit", LOG_FORMAT_TEXT, LOG_LEVEL_DEBUG);
	log_info("x");
	capture_end(capture);
	assert_non_null(strstr(capture->text, " info    unit: x\n"));
	free(capture);
}

static size_t count(const char *text, const char *part)
{
	size_t n = 0;

	for (const char *at = strstr(text, part); at != NULL; at = strstr(at + 1, part))
		n++;
	return n;
}

static void a_line_that_repeats_itself_is_held_back_but_a_record_is_not(void **state)
{
	struct capture *capture = capture_begin();

	(void)state;
	begin(LOG_FORMAT_TEXT, LOG_LEVEL_INFO);
	for (unsigned i = 0; i < 100; i++) {
		log_warning("the same");
		log_warning("number %u", i);
		log_record("the deed");
	}
	capture_end(capture);
	assert_int_equal(count(capture->text, "the same"), LOG_REPEAT_MAX);
	assert_int_equal(count(capture->text, "number "), 100);
	assert_int_equal(count(capture->text, "the deed"), 100);
	free(capture);
}

static void control_characters_cannot_begin_a_line_of_their_own(void **state)
{
	struct capture *capture = capture_begin();

	(void)state;
	begin(LOG_FORMAT_TEXT, LOG_LEVEL_INFO);
	log_info("%s", "a\nb\r\x1b[2J\x7f\tc");
	capture_end(capture);
	assert_non_null(strstr(capture->text, "unit: a\\x0ab\\x0d\\x1b[2J\\x7f\\x09c\n"));
	assert_ptr_equal(strchr(capture->text, '\n'),
			 capture->text + strlen(capture->text) - 1);
	free(capture);
}

static void a_json_line_is_json_whatever_the_text(void **state)
{
	static const char text[] = "\"quoted\" \\ and\n\x01 \xc3\xa9";
	struct capture *capture = capture_begin();
	AUTO_JSON object = NULL;
	struct error err;

	(void)state;
	begin(LOG_FORMAT_JSON, LOG_LEVEL_INFO);
	log_error("%s", text);
	capture_end(capture);
	assert_int_equal(json_parse(str_from(capture->text), 2, &object, &err), 0);
	assert_true(str_is_equal(json_get_str(object, "message"), str_from(text)));
	assert_true(str_is_equal(json_get_str(object, "level"), S("error")));
	assert_true(str_is_equal(json_get_str(object, "program"), S("unit")));
	assert_int_equal(json_get_str(object, "time").n, strlen("2026-01-01T00:00:00.000Z"));
	free(capture);
}

static void a_secret_never_appears_in_a_line(void **state)
{
	static const enum log_format formats[] = { LOG_FORMAT_TEXT, LOG_FORMAT_JSON };

	(void)state;
	log_hide(S("hf_abcdefgh"));
	log_hide(S("a\"b\\cd\n"));
	for (size_t i = 0; i < ARRAY_LEN(formats); i++) {
		struct capture *capture = capture_begin();

		begin(formats[i], LOG_LEVEL_INFO);
		log_info("x hf_abcdefghhf_abcdefgh y %s z", "a\"b\\cd\n");
		capture_end(capture);
		assert_non_null(strstr(capture->text, "x [redacted][redacted] y [redacted] z"));
		assert_null(strstr(capture->text, "abcdefgh"));
		free(capture);
	}
}

static void a_secret_across_the_cut_does_not_show_its_beginning(void **state)
{
	char text[LOG_LINE_MAX + 100];

	(void)state;
	log_hide(S("hf_acrossthecut"));
	begin(LOG_FORMAT_TEXT, LOG_LEVEL_INFO);
	for (size_t before = LOG_LINE_MAX - 20; before <= LOG_LINE_MAX; before++) {
		struct capture *capture = capture_begin();

		memset(text, 'm', before);
		memcpy(text + before, "hf_acrossthecut", sizeof("hf_acrossthecut"));
		log_info("%s", text);
		capture_end(capture);
		assert_null(strstr(capture->text, "hf_"));
		free(capture);
	}
}

static void what_is_not_utf8_still_makes_json(void **state)
{
	struct capture *capture = capture_begin();
	struct json_object *object = NULL;
	struct error err;

	(void)state;
	begin(LOG_FORMAT_JSON, LOG_LEVEL_INFO);
	log_info("a \xff b \xc3\xa9 c \xe2\x82");
	capture_end(capture);
	assert_int_equal(json_parse(str_trim(str_from(capture->text)), 4, &object, &err), 0);
	assert_string_equal(json_object_get_string(json_get(object, "message")),
			    "a \xef\xbf\xbd b \xc3\xa9 c \xef\xbf\xbd\xef\xbf\xbd");
	json_free(&object);
	free(capture);
}

static void what_is_too_short_for_a_secret_stays(void **state)
{
	struct capture *capture = capture_begin();

	(void)state;
	begin(LOG_FORMAT_TEXT, LOG_LEVEL_INFO);
	log_hide(S("short"));
	log_hide(S(""));
	log_info("a short word");
	capture_end(capture);
	assert_non_null(strstr(capture->text, "unit: a short word\n"));
	free(capture);
}

static void a_long_message_is_cut_and_says_so(void **state)
{
	struct capture *capture = capture_begin();
	char text[LOG_LINE_MAX + 100];
	const char *message;

	(void)state;
	memset(text, 'm', sizeof(text) - 1);
	text[sizeof(text) - 1] = '\0';
	begin(LOG_FORMAT_TEXT, LOG_LEVEL_INFO);
	log_info("%s", text);
	capture_end(capture);
	message = strstr(capture->text, "mmm");
	assert_non_null(message);
	assert_int_equal(strspn(message, "m"), LOG_LINE_MAX);
	assert_string_equal(message + strspn(message, "m"), "...\n");
	free(capture);
}

static void logging_keeps_errno(void **state)
{
	struct capture *capture = capture_begin();

	(void)state;
	begin(LOG_FORMAT_TEXT, LOG_LEVEL_INFO);
	errno = EXDEV;
	log_info("x");
	assert_int_equal(errno, EXDEV);
	capture_end(capture);
	free(capture);
}

static void *log_many(void *arg)
{
	const char *letter = arg;

	for (int i = 0; i < N_LINES; i++)
		log_record("%s%s%s%s%s%s%s%s.", letter, letter, letter, letter, letter, letter,
			   letter, letter);
	return NULL;
}

static void lines_of_several_threads_do_not_mix(void **state)
{
	static char letters[N_THREADS][2] = { "a", "b", "c", "d" };
	struct capture *capture = capture_begin();
	pthread_t threads[N_THREADS];
	size_t counts[N_THREADS] = { 0 };
	struct str rest;
	struct str line;

	(void)state;
	begin(LOG_FORMAT_TEXT, LOG_LEVEL_INFO);
	for (size_t i = 0; i < N_THREADS; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, log_many, letters[i]), 0);
	for (size_t i = 0; i < N_THREADS; i++)
		assert_int_equal(pthread_join(threads[i], NULL), 0);
	capture_end(capture);
	rest = str_from(capture->text);
	while (str_next(&rest, '\n', &line)) {
		for (size_t i = 0; i < N_THREADS; i++) {
			AUTO_CSTR end = mem_printf(
				": %s%s%s%s%s%s%s%s.", letters[i], letters[i], letters[i],
				letters[i], letters[i], letters[i], letters[i], letters[i]);

			counts[i] += str_has_suffix(line, str_from(end)) ? 1 : 0;
		}
	}
	for (size_t i = 0; i < N_THREADS; i++)
		assert_int_equal(counts[i], N_LINES);
	free(capture);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(less_important_lines_than_asked_for_are_left_out),
		cmocka_unit_test(a_line_says_level_program_and_text),
		cmocka_unit_test(a_line_of_a_request_says_which),
		cmocka_unit_test(a_stream_that_is_not_journalds_gets_lines),
		cmocka_unit_test(a_line_that_repeats_itself_is_held_back_but_a_record_is_not),
		cmocka_unit_test(control_characters_cannot_begin_a_line_of_their_own),
		cmocka_unit_test(a_json_line_is_json_whatever_the_text),
		cmocka_unit_test(a_secret_never_appears_in_a_line),
		cmocka_unit_test(a_secret_across_the_cut_does_not_show_its_beginning),
		cmocka_unit_test(what_is_not_utf8_still_makes_json),
		cmocka_unit_test(what_is_too_short_for_a_secret_stays),
		cmocka_unit_test(a_long_message_is_cut_and_says_so),
		cmocka_unit_test(logging_keeps_errno),
		cmocka_unit_test(lines_of_several_threads_do_not_mix),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
