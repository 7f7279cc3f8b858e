#include "common/env_file.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#include <string.h>

#include "common/buf.h"
#include "common/error.h"
#include "tests/unit/tempdir.h"

/* Each variable as "NAME=value;". */
static void note(void *ctx, const char *name, const char *value)
{
	buf_addf(ctx, "%s=%s;", name, value);
}

static int read_text(struct str text, struct buf *ret, struct error *err)
{
	struct tempdir dir;
	AUTO_CSTR path = NULL;
	int result;

	tempdir_make(&dir);
	tempdir_write(&dir, "env", text);
	path = tempdir_path(&dir, "env");
	result = env_file_read(path, note, ret, err);
	tempdir_remove(&dir);
	return result;
}

static void lines_are_read_as_systemd_reads_them(void **state)
{
	AUTO(buf) seen = buf_new(1024);
	struct error err;

	(void)state;
	assert_int_equal(read_text(S("# a comment\n"
				     "; another\n\n"
				     "A=1\n"
				     "  B_2 = two words \n"
				     "C='$argon2id$v=19' \n"
				     "D=\"a \\\"b\\\" c\"\n"
				     "E='back\\slash'\n"
				     "F=back\\\\slash\n"
				     "G=\n"
				     "H=http://a/b#c\r\n"
				     "I=last"),
				   seen, &err),
			 0);
	assert_string_equal(buf_cstr(seen),
			    "A=1;B_2=two words;C=$argon2id$v=19;D=a \"b\" c;E=back\\slash;"
			    "F=back\\slash;G=;H=http://a/b#c;I=last;");
}

static void what_is_no_line_is_named(void **state)
{
	static const char *const texts[] = {
		"A=1\nexport B=2\n", "A=1\nB\n",        "A=1\n=2\n",          "A=1\n2B=2\n",
		"A=1\nB='open\n",    "A=1\nB=\"open\n", "A=1\nB=on\\\nC=2\n",
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
		AUTO(buf) seen = buf_new(1024);
		struct error err = { .code = ERR_NONE };

		assert_int_equal(read_text(str_from(texts[i]), seen, &err), -1);
		assert_int_equal(err.code, ERR_INVALID);
		assert_non_null(strstr(err.text, "line 2 "));
		assert_string_equal(buf_cstr(seen), "A=1;");
	}
}

static void a_file_that_cannot_be_read_is_said(void **state)
{
	struct error err = { .code = ERR_NONE };

	(void)state;
	assert_int_equal(env_file_read("/nowhere/at/all", note, NULL, &err), -1);
	assert_non_null(strstr(err.text, "/nowhere/at/all"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(lines_are_read_as_systemd_reads_them),
		cmocka_unit_test(what_is_no_line_is_named),
		cmocka_unit_test(a_file_that_cannot_be_read_is_said),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
