#include "downloader/host.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#include <string.h>
#include <sys/stat.h>

#include "tests/unit/tempdir.h"

static void add_card(const struct tempdir *dir, const char *name, const char *file,
		     const char *text)
{
	AUTO_CSTR card = tempdir_path(dir, name);
	AUTO_CSTR device = mem_printf("%s/device", card);
	AUTO_CSTR tile = mem_printf("%s/tile0", device);
	AUTO_CSTR path = mem_printf("%s/%s", name, file);

	(void)mkdir(card, 0700);
	(void)mkdir(device, 0700);
	(void)mkdir(tile, 0700);
	tempdir_write(dir, path, str_from(text));
}

static void cards_are_those_that_the_kernel_knows(void **state)
{
	const struct tempdir *dir = *state;
	struct fit_host host;
	uint64_t sum = 0;

	add_card(dir, "card0", "device/mem_info_vram_total", "8573157376\n");
	add_card(dir, "card1", "device/vendor", "0x10de\n"); /* NVIDIA's says nothing */
	add_card(dir, "card2", "lmem_total_bytes", "17179869184\n");
	add_card(dir, "card13", "device/tile0/physical_vram_size_bytes", "4294967296");
	add_card(dir, "card0-HDMI-A-1", "device/mem_info_vram_total", "1\n");
	add_card(dir, "renderD128", "device/mem_info_vram_total", "1\n");
	add_card(dir, "card4", "device/mem_info_vram_total", "much\n");
	host_look("", dir->path, &host);
	assert_true(host.memory > 0);
	assert_int_equal(host.n_gpus, 3);
	for (size_t i = 0; i < host.n_gpus; i++)
		sum += host.gpus[i];
	assert_int_equal(sum,
			 UINT64_C(8573157376) + UINT64_C(17179869184) + UINT64_C(4294967296));
}

static void what_is_declared_counts_instead(void **state)
{
	const struct tempdir *dir = *state;
	struct fit_host host;

	add_card(dir, "card0", "device/mem_info_vram_total", "8573157376\n");
	host_look("25769803776,8589934592", dir->path, &host);
	assert_int_equal(host.n_gpus, 2);
	assert_int_equal(host.gpus[0], UINT64_C(24) << 30);
	assert_int_equal(host.gpus[1], UINT64_C(8) << 30);
	host_look("0", dir->path, &host); /* none is to be used */
	assert_int_equal(host.n_gpus, 0);
}

static void a_machine_without_cards_has_none(void **state)
{
	const struct tempdir *dir = *state;
	AUTO_CSTR nowhere = tempdir_path(dir, "nowhere");
	struct fit_host host;

	host_look("", nowhere, &host);
	assert_int_equal(host.n_gpus, 0);
	host_look("1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1", nowhere, &host);
	assert_int_equal(host.n_gpus, FIT_GPUS_MAX);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(cards_are_those_that_the_kernel_knows,
						tempdir_setup, tempdir_teardown),
		cmocka_unit_test_setup_teardown(what_is_declared_counts_instead, tempdir_setup,
						tempdir_teardown),
		cmocka_unit_test_setup_teardown(a_machine_without_cards_has_none, tempdir_setup,
						tempdir_teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
