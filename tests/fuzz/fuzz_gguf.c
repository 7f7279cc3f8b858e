/* Whatever the header says, what is read of it holds together. */
#include "downloader/gguf.h"

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

static void check_text(const char *text, size_t room)
{
	size_t n = strnlen(text, room);

	require(n < room && str_is_utf8((struct str){ text, n }));
}

/* What the first bytes tell, the whole tells too. */
static void check_shape(struct file *file, const struct gguf *whole)
{
	AUTO(window) window = window_new(file->size + (1U << 20), read_file, file);
	struct error err = { .code = ERR_NONE };
	struct gguf shape;
	int result = gguf_read_shape(window, &shape, &err);

	require(result == 0 || (err.code == ERR_INVALID && whole == NULL));
	if (result == 0)
		check_text(shape.architecture, sizeof(shape.architecture));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct file file = { data, size };
	struct error err = { .code = ERR_NONE };
	AUTO(window) window = window_new(size + (1U << 20), read_file, &file);
	struct gguf gguf;
	bool is_read = gguf_read(window, &gguf, &err) == 0;

	check_shape(&file, is_read ? &gguf : NULL);
	if (!is_read) {
		require(err.code == ERR_INVALID && err.text[0] != '\0');
		return 0;
	}
	check_text(gguf.architecture, sizeof(gguf.architecture));
	check_text(gguf.name, sizeof(gguf.name));
	check_text(gguf.size_label, sizeof(gguf.size_label));
	check_text(gguf.type, sizeof(gguf.type));
	require(gguf.n_tensors <= GGUF_TENSORS_MAX);
	require(gguf.parameters > 0 || gguf.tensor_bytes == 0);
	require((gguf.tensor_bytes > 0) == (gguf.tensor_type[0] != '\0'));
	require(gguf.size_needed >= window_at(window));
	return 0;
}
