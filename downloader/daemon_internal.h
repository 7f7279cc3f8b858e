/* What daemon.c (making and taking down) and daemon_hooks.c (news on its way up) share. */
#ifndef DOWNLOADER_DAEMON_INTERNAL_H
#define DOWNLOADER_DAEMON_INTERNAL_H

#include "downloader/daemon.h"
#include "downloader/ops.h"
#include "downloader/sse.h"
#include "downloader/watch.h"

struct event;
struct heartbeat;
struct lateness;
struct notify;

struct daemon {
	const struct config *cfg;
	char *endpoint;
	int models_root;
	struct loop *loop;
	struct pool *pool;
	struct fetch *fetch;
	struct store *store;
	struct hub *hub;
	struct planner *planner;
	struct previews *previews;
	struct hub_heads *heads;
	struct hub_models *hub_models;
	struct fit_host host;
	struct budget *budget;
	struct turns *turns;
	struct feed_allowance *feeds;
	struct space *space;
	struct events *events;
	struct settings *settings;
	struct auth *auth;
	struct sessions *sessions;
	struct queue *queue;
	struct library *library;
	struct lateness *lateness;
	struct bin *bin;
	struct updates *updates;
	struct scrub *scrub;
	struct watch *watch; /* or NULL */
	struct control *control;
	struct sse *sse;
	struct hub_search *search;
	struct account *account;
	struct hook *hook; /* or NULL */
	struct notify *notify;
	struct ops ops;
	struct event *signals[3];
	struct heartbeat *heartbeat;
	bool is_stopping;
	size_t n_watched;   /* models whose folders are watched */
	bool is_caring;     /* jobs about models and the scrub may begin */
	uint64_t told_free; /* the last disk event's */
	uint64_t told_reserved;
};

/* Each connects what a module tells to those who want to know. */
struct settings_hooks daemon_settings_hooks(struct daemon *d);
struct sessions_hooks daemon_sessions_hooks(struct daemon *d);
struct queue_hooks daemon_queue_hooks(struct daemon *d);
struct library_hooks daemon_library_hooks(struct daemon *d);
struct bin_hooks daemon_bin_hooks(struct daemon *d);
struct updates_hooks daemon_updates_hooks(struct daemon *d);
struct scrub_hooks daemon_scrub_hooks(struct daemon *d);
struct watch_hooks daemon_watch_hooks(struct daemon *d);

/* There is another amount of free space, or it is to be told for the first time. */
void daemon_on_space(void *ctx);

/* Puts what the settings come to now into effect. */
void daemon_apply_effect(struct daemon *d, const struct settings_effect *effect);

#endif
