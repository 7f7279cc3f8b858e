/*
 * What is answered when something is refused: a problem document (RFC 9457), and the id by
 * which the request is found again in the logs of both programs, in the audit and in that
 * document.
 *
 * Any thread.
 */
#ifndef COMMON_PROBLEM_H
#define COMMON_PROBLEM_H

#include "common/base.h"

struct error;
struct json_object;

enum {
	REQUEST_ID_MIN = 8,
	REQUEST_ID_MAX = 64,
};

/* The web server's, where it gives a decent one: letters, digits and "-". Else a new one of
 * sixteen hex digits. `given` may be NULL. */
void request_id_take(char ret[REQUEST_ID_MAX + 1], const char *given);

/* With type, title, status, detail, code and request_id; field and hint where there are some.
 * Belongs to the caller. */
struct json_object *problem_document(const struct error *err, int status,
				     const char *request_id);

#endif
