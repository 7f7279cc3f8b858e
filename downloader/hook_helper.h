/*
 * The other side of hook.h: the process that runs the command, and the one message that the two
 * exchange.
 */
#ifndef DOWNLOADER_HOOK_HELPER_H
#define DOWNLOADER_HOOK_HELPER_H

#include "downloader/hook.h"

/* The variables, each with its NUL, an empty one, and the input with its NUL: to free. */
char *hook_message(const char *const *environment, const char *input, size_t *ret_n);

/* Takes a message apart: at most `n` variables, NULL after the last. The texts point into the
 * message. -1 when it is not one. */
int hook_read_message(char *message, size_t size, char **ret_environment, size_t n,
		      const char **ret_input) MUST_USE;

/* Runs what it is asked for over `fd` until larderd is gone. */
_Noreturn void hook_helper(const struct hook_plan *plan, int fd);

#endif
