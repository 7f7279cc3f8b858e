#include "downloader/secret.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include <sodium.h>

#include "common/error.h"
#include "tests/unit/tempdir.h"

static const char one[8] = "purpose1";
static const char two[8] = "purpose2";

static void it_is_made_once_and_for_us_alone(void **state)
{
	unsigned char first[SECRET_BYTES];
	unsigned char again[SECRET_BYTES];
	struct tempdir dir;
	AUTO_CSTR path = NULL;
	struct error err;
	struct stat st;

	(void)state;
	tempdir_make(&dir);
	path = tempdir_path(&dir, "secret.key");
	assert_int_equal(secret_load(dir.path, first, &err), 0);
	assert_int_equal(secret_load(dir.path, again, &err), 0);
	assert_memory_equal(first, again, SECRET_BYTES);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0600);
	assert_int_equal(chmod(path, 0640), 0);
	assert_int_equal(secret_load(dir.path, again, &err), -1);
	assert_non_null(strstr(err.text, "others may read it"));
	tempdir_remove(&dir);
}

static void what_is_sealed_is_opened_again(void **state)
{
	static const char *const texts[] = { "", "x", "hf_aVeryLongTokenAndMoreOfIt" };
	unsigned char secret[SECRET_BYTES] = { 7 };

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
		AUTO_CSTR sealed = secret_seal(secret, one, str_from(texts[i]));
		AUTO_CSTR twice = secret_seal(secret, one, str_from(texts[i]));
		AUTO_CSTR opened = secret_open(secret, one, str_from(sealed));

		assert_string_equal(opened, texts[i]);
		assert_string_not_equal(sealed, twice);
		assert_true(strlen(texts[i]) < 4 || strstr(sealed, texts[i]) == NULL);
	}
}

static void nothing_else_opens_it(void **state)
{
	unsigned char secret[SECRET_BYTES] = { 7 };
	unsigned char other[SECRET_BYTES] = { 8 };
	AUTO_CSTR sealed = secret_seal(secret, one, S("hf_token"));
	size_t n = strlen(sealed);

	(void)state;
	assert_null(secret_open(other, one, str_from(sealed)));
	assert_null(secret_open(secret, two, str_from(sealed)));
	assert_null(secret_open(secret, one, S("")));
	assert_null(secret_open(secret, one, S("AAAA")));
	assert_null(secret_open(secret, one, S("not base64!")));
	for (size_t i = 0; i + 4 < n; i++) {
		char kept = sealed[i];

		sealed[i] = kept == 'A' ? 'B' : 'A';
		assert_null(secret_open(secret, one, str_from(sealed)));
		sealed[i] = kept;
		assert_null(secret_open(secret, one, str_sub(str_from(sealed), 0, i)));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(it_is_made_once_and_for_us_alone),
		cmocka_unit_test(what_is_sealed_is_opened_again),
		cmocka_unit_test(nothing_else_opens_it),
	};

	return sodium_init() < 0 ? 1 : cmocka_run_group_tests(tests, NULL, NULL);
}
