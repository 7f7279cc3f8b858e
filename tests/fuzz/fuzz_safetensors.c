/* Whatever the header says, what is read of it holds together. */
#include "downloader/safetensors.h"

#include <stdlib.h>
#include <string.h>

#include "common/error.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(bool condition)
{
	if (!condition)
		abort();
}

struct file {
	const uint8_t *data;
	size_t size;
};

/* A file is longer than its header: zeros follow. */
static ssize_t read_file(void *ctx, char *to, size_t room, uint64_t at, struct error *err)
{
	const struct file *file = ctx;
	size_t n = 0;

	(void)err;
	if (at < file->size) {
		n = file->size - (size_t)at < room ? file->size - (size_t)at : room;
		memcpy(to, file->data + at, n);
	}
	memset(to + n, 0, room - n);
	return (ssize_t)room;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct file file = { data, size };
	struct error err = { .code = ERR_NONE };
	AUTO(window) window = window_new(size + (1U << 20), read_file, &file);
	struct safetensors s;
	uint64_t elements = 0;

	if (safetensors_read(window, &s, &err) < 0) {
		require(err.code == ERR_INVALID && err.text[0] != '\0');
		return 0;
	}
	for (size_t i = 0; i < SAFETENSORS_TYPE_COUNT; i++)
		elements += s.of_type[i];
	require(elements == s.parameters);
	require(s.size_needed >= window_at(window));
	return 0;
}
