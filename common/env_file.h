/*
 * A file of NAME=VALUE lines, as systemd reads an EnvironmentFile: empty lines and those that
 * begin with "#" or ";" are skipped, a value may stand between single or double quotes, and a
 * backslash outside of single quotes takes the next character as it is.
 *
 * A value that goes on over several lines is an error here. Any thread.
 */
#ifndef COMMON_ENV_FILE_H
#define COMMON_ENV_FILE_H

#include "common/base.h"

struct error;

enum {
	ENV_FILE_MAX = 256 * 1024, /* bytes */
};

/* Calls `set` for each, in order; both are borrowed for the call. -1 with ERR_INVALID and the
 * number of the line, or with the reason why the file cannot be read. */
typedef void (*env_file_fn)(void *ctx, const char *name, const char *value);
int env_file_read(const char *path, env_file_fn set, void *ctx, struct error *err) MUST_USE;

#endif
