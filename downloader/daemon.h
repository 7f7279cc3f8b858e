/*
 * larderd put together: makes every module, gives each what it needs from the others, connects
 * every hook, and takes all down in the reverse order.
 */
#ifndef DOWNLOADER_DAEMON_H
#define DOWNLOADER_DAEMON_H

#include "common/config.h"
#include "downloader/fit.h"

struct daemon;
struct hook;
struct error;

/* What of the configuration only larderd can judge, before anything is touched. */
int daemon_check(const struct config *cfg, struct error *err) MUST_USE;

/* `host` is copied. `hook`, which runs LARDER_HOOK_COMMAND, is borrowed; it may be NULL. */
struct daemon *daemon_new(const struct config *cfg, const struct fit_host *host,
			  struct hook *hook, struct error *err);

/* Serves until SIGTERM or SIGINT; running transfers are made durable before it returns. A
 * second signal ends it at once. SIGHUP reads again the secrets that come from files: the Hub's
 * token and the API keys. */
void daemon_run(struct daemon *daemon);
void daemon_free(struct daemon **daemon);

#endif
