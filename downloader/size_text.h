/*
 * Bytes as people read them, in thousands: "999 B", "1.2 kB", "345.6 GB".
 *
 * Pure. Any thread.
 */
#ifndef DOWNLOADER_SIZE_TEXT_H
#define DOWNLOADER_SIZE_TEXT_H

#include "common/base.h"

/* To free. */
char *size_text(uint64_t bytes) __attribute__((returns_nonnull));

#endif
