/* Whatever a config.json says, what is read of it is text and numbers. */
#include "downloader/hf_config.h"

#include <stdlib.h>
#include <string.h>

#include "common/error.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct hf_config config;
	struct error err;
	struct str word;

	if (hf_config_read((struct str){ .p = (const char *)data, .n = size }, &config, &err) <
	    0)
		return 0;
	word = (struct str){ .p = config.architecture,
			     .n = strnlen(config.architecture, sizeof(config.architecture)) };
	if (word.n == sizeof(config.architecture) || !str_is_utf8(word))
		abort();
	return 0;
}
