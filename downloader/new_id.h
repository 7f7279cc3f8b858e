/*
 * A new identifier that nobody can guess, of a download or a preview.
 *
 * Any thread.
 */
#ifndef DOWNLOADER_NEW_ID_H
#define DOWNLOADER_NEW_ID_H

#include "common/ids.h"

void new_id(char ret[DOWNLOAD_ID_LEN + 1]);

#endif
