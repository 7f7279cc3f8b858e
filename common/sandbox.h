/*
 * What a program may do from now on: nothing else than it has to. Landlock says which files
 * (and that no TCP port is listened on), seccomp which system calls. Neither can be taken back,
 * and new threads inherit both.
 *
 * A kernel without one of them is no reason not to work: the log says what is missing.
 *
 * sandbox_enter() comes before the first thread.
 */
#ifndef COMMON_SANDBOX_H
#define COMMON_SANDBOX_H

#include "common/base.h"

struct error;

enum sandbox_powers {
	SANDBOX_WEB,    /* threads, memory, sockets of this machine; no file, no network */
	SANDBOX_DAEMON, /* also files, and connections to anywhere */
	SANDBOX_POWERS_COUNT,
};

/* A folder beneath which all may be done. It must be there. */
struct sandbox_folder {
	const char *path;
	const char *name; /* for the error: the variable that it is set by */
};

struct sandbox_files {
	const struct sandbox_folder *writable;
	size_t n_writable;
	const char *const *readable; /* files and folders; absent ones are skipped */
	size_t n_readable;
};

/* From here on only `powers`, and `files` (NULL: none). Nobody may look into this process, and
 * it leaves no core behind: its memory holds secrets. -1 when a folder is not there.
 *
 * Not `is_on` (LARDER_SANDBOX): does nothing, and the log says so. */
int sandbox_enter(bool is_on, enum sandbox_powers powers, const struct sandbox_files *files,
		  struct error *err) MUST_USE;

/* For a process that is about to become somebody else's program: beneath `files` alone may
 * anything be read, run and (where it says so) written, and no new powers come. Without
 * Landlock the log says so, and owners and modes guard files. */
int sandbox_confine(const struct sandbox_files *files, struct error *err) MUST_USE;

/* After sandbox_enter(): all sockets that will ever be listened on are, no thread may make
 * another. */
void sandbox_end_listening(void);

#endif
