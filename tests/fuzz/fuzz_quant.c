/* A label that is found is a part of the path, and is a label when it stands alone. */
#include "downloader/quant.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(bool condition)
{
	if (!condition)
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct str text = { (const char *)data, size };
	struct quant quant;
	struct quant alone;

	if (quant_is_label(text, &alone)) {
		require(size < QUANT_LABEL_MAX && quant_from_path(text, &quant));
		require(str_is_equal_nocase(text, str_from(alone.label)));
	}
	if (!quant_from_path(text, &quant))
		return 0;
	require(quant.label[0] != '\0' && strlen(quant.label) < QUANT_LABEL_MAX);
	require(str_find_nocase(text, str_from(quant.label)) < text.n);
	require(quant_is_label(str_from(quant.label), &alone));
	require(strcmp(quant.label, alone.label) == 0 && quant.rank == alone.rank);
	return 0;
}
