#include "downloader/new_id.h"

#include <sodium.h>

void new_id(char ret[DOWNLOAD_ID_LEN + 1])
{
	static const char alphabet[] = "abcdefghijklmnopqrstuvwxyz234567";

	for (size_t i = 0; i < DOWNLOAD_ID_LEN; i++)
		ret[i] = alphabet[randombytes_uniform(sizeof(alphabet) - 1)];
	ret[DOWNLOAD_ID_LEN] = '\0';
}
