#include "cli/cli_doctor.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#include "cli/cli_text.h"
#include "common/buf.h"

static const char text[] =
	"{\"healthy\":false,\"repo\":\"acme/a\",\"path\":null,\"checks\":["
	"{\"check\":\"disk\",\"state\":\"ok\",\"host\":null,\"address\":null,\"ms\":null,"
	"\"detail\":\"/models can be written\",\"hint\":null},"
	"{\"check\":\"token\",\"state\":\"skipped\",\"host\":null,\"address\":null,\"ms\":null,"
	"\"detail\":\"there is none\",\"hint\":null},"
	"{\"check\":\"clock\",\"state\":\"warning\",\"host\":null,\"address\":null,\"ms\":null,"
	"\"detail\":\"60 min \\u001b[31mfast\",\"hint\":\"set it\"},"
	"{\"check\":\"hub\",\"state\":\"failed\",\"host\":\"hub.example\",\"address\":"
	"\"192.0.2.1:443\",\"ms\":12,\"detail\":\"it has trouble of its own (status 503)\","
	"\"hint\":\"there is nothing to do here but wait: downloads go on by themselves\"}]}";

static struct buf *render(size_t width, bool is_utf8)
{
	AUTO_JSON report = NULL;
	struct buf *b = buf_new(8192);
	struct error err;

	assert_int_equal(json_parse(str_from(text), RPC_DEPTH_MAX, &report, &err), 0);
	cli_doctor_render(b, report, width, is_utf8);
	return b;
}

static void what_failed_is_seen_and_named_at_the_end(void **state)
{
	AUTO(buf) b = render(0, true);

	(void)state;
	assert_string_equal(
		buf_cstr(b),
		"ok       disk       /models can be written\n"
		"-        token      there is none\n"
		"warning  clock      60 min \\x1b[31mfast\n"
		"                    → set it\n"
		"FAILED   hub        hub.example (192.0.2.1:443): it has trouble of its own "
		"(status 503), in 12 ms\n"
		"                    → there is nothing to do here but wait: downloads go on "
		"by "
		"themselves\n"
		"\nIt fails at: hub, hub.example.\n");
}

static void no_line_is_wider_than_the_window(void **state)
{
	static const size_t widths[] = { 200, 80, 60, 59, 40, 30 };

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(widths); i++) {
		AUTO(buf) b = render(widths[i], i % 2 == 0);
		struct str rest = buf_str(b);
		struct str line;

		while (str_next(&rest, '\n', &line))
			assert_true(cli_text_width(line) <= widths[i]);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_failed_is_seen_and_named_at_the_end),
		cmocka_unit_test(no_line_is_wider_than_the_window),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
