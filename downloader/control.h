/*
 * The control socket's server: JSON-RPC 2.0, one object a line (common/rpc.h). A call is handed
 * to one function, which answers it once, at once or later.
 *
 * Limits: RPC_REQUEST_MAX bytes a line, RPC_DEPTH_MAX levels, RPC_ANSWER_MAX bytes of an answer
 * (a longer one becomes ERR_TOO_LARGE), CONTROL_CLIENTS_MAX connections, CONTROL_CALLS_MAX
 * unanswered calls of one connection (more are not read until some are answered).
 *
 * Belongs to the loop's thread.
 */
#ifndef DOWNLOADER_CONTROL_H
#define DOWNLOADER_CONTROL_H

#include <sys/types.h>

#include "common/rpc.h"
#include "downloader/loop.h"

struct control;
struct control_call;

enum {
	CONTROL_CLIENTS_MAX = 512,
	CONTROL_CALLS_MAX = 32,
};

/* Takes a call whose parameters have the right names and kinds (schema_check). `params` is
 * borrowed for the call, never NULL. It must lead to exactly one control_reply or control_fail.
 */
typedef void (*control_fn)(void *ctx, struct control_call *call, struct str method,
			   struct json_object *params);

enum {
	CONTROL_WHO_MAX = 96,     /* bytes of a caller's name, */
	CONTROL_ADDRESS_MAX = 64, /* of an address, */
	CONTROL_ID_MAX = 64,      /* of a request's id; more is cut */
};

/* A call that was watched and has ended. */
struct control_deed {
	const char *method;
	struct json_object *params;
	/* Who made it: "larder", "key backup"; "anybody" where nobody signs in; "user 1000" of
	 * this machine. "" where not known. */
	char who[CONTROL_WHO_MAX];
	char address[CONTROL_ADDRESS_MAX];
	char request_id[CONTROL_ID_MAX + 1];
};

struct control_hooks {
	control_fn fn;
	/* `err` is NULL when it went well; it and the deed are borrowed until this returns. The
	 * answer is held back until control_told(). May be NULL. */
	void (*ended)(void *ctx, struct control_call *call, const struct control_deed *deed,
		      const struct error *err);
	void *ctx;
};

/* Serves the listening descriptor, which is consumed. Peers must be root, our own user, or in
 * the group `gid`. */
struct control *control_new(struct loop *loop, int take_fd, gid_t gid,
			    const struct control_hooks *hooks, struct error *err);

/* Is it made by a process of ours (our user's or root's), whose word on others counts? */
bool control_is_ours(const struct control_call *call);

/* What `ended` was told is on the disk, or will never be: the answer goes out, and the call is
 * over.
 */
void control_told(struct control_call *call);

/* The end of this call is to be told to `ended`. `params` is held until then. */
void control_watch(struct control_call *call, struct str method, struct json_object *params);

/* Takes no connection and no call any more; what has been asked is answered. */
void control_stop(struct control *control);

/* Closes all; calls that are not answered yet may still be, into the void. */
void control_free(struct control **control);

/* Answers and ends the call. A caller that is gone is no error, nor is one that wants no
 * answer. */
void control_reply(struct control_call *call, struct json_object *take_result);
/* The same with JSON text made elsewhere. */
void control_reply_text(struct control_call *call, char *take_text);
void control_fail(struct control_call *call, const struct error *err,
		  struct json_object *take_extra);

#endif
