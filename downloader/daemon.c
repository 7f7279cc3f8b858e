#include "downloader/daemon_internal.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <event2/event.h>

#include "common/error.h"
#include "common/folder.h"
#include "common/log.h"
#include "common/service.h"
#include "downloader/copy.h"
#include "downloader/feed.h"
#include "downloader/heartbeat.h"
#include "downloader/file.h"
#include "downloader/hook.h"
#include "downloader/hub_head.h"
#include "downloader/hub_model.h"
#include "downloader/hub_url.h"
#include "downloader/notify.h"
#include "downloader/previews.h"

enum {
	LAST_ROUNDS = 3, /* a command, the deed that it was, and one to spare */
	/* A look at the disk takes two at most (scan.c), a verification and a scrub one each.
	 */
	FILE_WORKERS_MIN = 5,
	TRANSFER_THREADS_MAX = 4, /* when the configuration leaves it open */
	SOCKET_MODE = 0660,
};

static struct json_object *make_snapshot(void *ctx)
{
	const struct daemon *d = ctx;

	return ops_snapshot(&d->ops);
}

static void on_signal(evutil_socket_t number, short what, void *arg)
{
	struct daemon *d = arg;

	(void)what;
	if (d->is_stopping) {
		log_warning("signal %d again: leaving at once", (int)number);
		_exit(1);
	}
	log_info("signal %d: stopping", (int)number);
	service_stopping();
	d->is_stopping = true;
	control_stop(d->control);
	sse_stop(d->sse);
	space_stop(d->space);
	library_stop(d->library);
	bin_stop(d->bin);
	updates_stop(d->updates);
	if (d->watch != NULL)
		watch_stop(d->watch);
	notify_stop(d->notify);
	queue_stop(d->queue);
}

/* --- building --- */

static size_t count_cores(void)
{
	long n = sysconf(_SC_NPROCESSORS_ONLN);

	return n > 0 ? (size_t)n : 1;
}

static size_t transfer_threads(const struct config *cfg)
{
	size_t cores = count_cores();

	if (cfg->transfer_threads > 0)
		return (size_t)cfg->transfer_threads;
	return cores < TRANSFER_THREADS_MAX ? cores : TRANSFER_THREADS_MAX;
}

static char *read_endpoint(const struct config *cfg, struct error *err)
{
	char *endpoint = hub_url_endpoint(str_from(cfg->hf_endpoint), err);

	if (endpoint == NULL)
		(void)error_prefix(err, "HF_ENDPOINT");
	return endpoint;
}

int daemon_check(const struct config *cfg, struct error *err)
{
	AUTO_CSTR endpoint = read_endpoint(cfg, err);
	struct auth *auth = auth_new((enum auth_mode)cfg->auth, str_from(cfg->api_keys), err);
	bool has_keys = auth != NULL;

	auth_free(&auth);
	if (endpoint == NULL)
		return -1;
	if (!has_keys)
		return error_prefix(err, "LARDER_API_KEYS");
	if (auth_check_hash(str_from(cfg->password_hash), err) < 0)
		return error_prefix(err, "LARDER_PASSWORD_HASH");
	if (notify_check_url(str_from(cfg->webhook_url), err) < 0)
		return error_prefix(err, "LARDER_WEBHOOK_URL");
	if (webhook_check_secret(str_from(cfg->webhook_secret), err) < 0)
		return error_prefix(err, "LARDER_WEBHOOK_SECRET");
	if (cfg->hook_command[0] != '\0' && hook_check(cfg->hook_command, err) < 0)
		return error_prefix(err, "LARDER_HOOK_COMMAND");
	return 0;
}

static int build_base(struct daemon *d, struct error *err)
{
	const struct config *cfg = d->cfg;
	size_t cores = count_cores();

	d->endpoint = read_endpoint(cfg, err);
	if (d->endpoint == NULL)
		return -1;
	d->models_root = file_open_root(cfg->models_dir, err);
	if (d->models_root < 0 || file_lock_root(d->models_root, err) < 0)
		return error_prefix(err, "LARDER_MODELS_DIR");
	d->loop = loop_new(err);
	if (d->loop == NULL)
		return -1;
	d->store = store_new(d->loop, cfg->state_dir, err);
	if (d->store == NULL)
		return error_prefix(err, "LARDER_STATE_DIR");
	d->pool = pool_new(d->loop, cores >= FILE_WORKERS_MIN ? cores + 1 : FILE_WORKERS_MIN,
			   err);
	d->fetch = d->pool == NULL ? NULL : fetch_new(d->loop, transfer_threads(cfg), err);
	return d->fetch == NULL ? -1 : 0;
}

static int build_settings(struct daemon *d, struct error *err)
{
	struct settings_values defaults = {
		.limit_bps = d->cfg->bandwidth_limit_bps,
		.slow_limit_bps = SETTINGS_SLOW_LIMIT_BPS,
		.max_downloads = d->cfg->max_downloads,
		.max_connections = d->cfg->max_connections,
	};
	const struct settings_hooks hooks = daemon_settings_hooks(d);

	defaults.gpus.n = d->host.n_gpus;
	memcpy(defaults.gpus.bytes, d->host.gpus, sizeof(defaults.gpus.bytes));
	d->settings = settings_new(d->loop, d->store, &defaults, &hooks, err);
	return d->settings == NULL ? -1 : 0;
}

static int build_sessions(struct daemon *d, struct error *err)
{
	const struct config *cfg = d->cfg;
	const struct sessions_hooks hooks = daemon_sessions_hooks(d);

	d->auth = auth_new((enum auth_mode)cfg->auth, str_from(cfg->api_keys), err);
	if (d->auth == NULL)
		return error_prefix(err, "LARDER_API_KEYS");
	d->sessions = sessions_new(d->store, cfg->state_dir, cfg->password_hash, d->auth,
				   &hooks, err);
	return d->sessions == NULL ? error_prefix(err, "LARDER_STATE_DIR") : 0;
}

static int build_queue(struct daemon *d, struct error *err)
{
	const struct config *cfg = d->cfg;
	const struct settings_effect *effect = settings_effect(d->settings);
	struct transfer_env env;
	struct queue_limits limits = {
		.downloads = effect->max_downloads,
		.files_at_once = TRANSFER_FILES_AT_ONCE,
		.min_free_bytes = cfg->min_free_bytes,
		.verify_bps = cfg->verify_limit_bps,
	};
	const struct queue_hooks hooks = daemon_queue_hooks(d);

	d->events = events_new();
	d->hub = hub_new(d->loop, d->fetch, d->pool, d->endpoint, cfg->hf_token,
			 cfg->is_offline);
	d->search = hub_search_new(d->hub);
	d->account = account_new(d->store, d->hub, cfg->state_dir, cfg->hf_token, err);
	if (d->account == NULL)
		return error_prefix(err, "LARDER_STATE_DIR");
	d->planner = planner_new(d->loop, d->pool, d->hub, d->models_root);
	d->previews = previews_new();
	d->heads = hub_heads_new(d->hub, d->pool);
	d->hub_models = hub_models_new(d->hub, d->pool);
	d->budget = budget_new(d->loop, effect->max_connections,
			       (size_t)cfg->max_connections_per_file);
	d->turns = turns_new(d->loop);
	d->feeds = feed_allowance_new(FEED_ALLOWANCE);
	env = (struct transfer_env){ .loop = d->loop,
				     .pool = d->pool,
				     .hub = d->hub,
				     .store = d->store,
				     .budget = d->budget,
				     .turns = d->turns,
				     .feeds = d->feeds,
				     .copy_least_bytes = COPY_LEAST_BYTES,
				     .models_root = d->models_root };
	d->space = space_new(d->loop, d->pool, d->models_root, cfg->models_dir, daemon_on_space,
			     d);
	d->queue = queue_new(&env, d->planner, d->space, &limits, &hooks, err);
	if (d->queue == NULL)
		return -1;
	d->ops = (struct ops){ .pool = d->pool,
			       .hub = d->hub,
			       .search = d->search,
			       .account = d->account,
			       .planner = d->planner,
			       .previews = d->previews,
			       .heads = d->heads,
			       .hub_models = d->hub_models,
			       .host = d->host,
			       .queue = d->queue,
			       .store = d->store,
			       .space = d->space,
			       .events = d->events,
			       .settings = d->settings,
			       .sessions = d->sessions,
			       .min_free_bytes = cfg->min_free_bytes,
			       .models_path = cfg->models_dir,
			       .state_path = cfg->state_dir };
	return 0;
}

static int build_library(struct daemon *d, struct error *err)
{
	struct library_env env = { .loop = d->loop,
				   .pool = d->pool,
				   .store = d->store,
				   .models_root = d->models_root,
				   .every_s = d->cfg->scan_interval_s };
	const struct library_hooks hooks = daemon_library_hooks(d);
	const struct bin_hooks bin_hooks = daemon_bin_hooks(d);

	d->library = library_new(&env, &hooks, err);
	if (d->library == NULL)
		return -1;
	d->bin = bin_new(d->loop, d->pool, d->models_root, d->cfg->trash_days, &bin_hooks);
	d->ops.library = d->library;
	d->ops.bin = d->bin;
	return 0;
}

/* What looks after the library. */
static int build_care(struct daemon *d, struct error *err)
{
	struct updates_env updates_env = { .loop = d->loop,
					   .pool = d->pool,
					   .hub = d->hub,
					   .store = d->store,
					   .every_s = d->cfg->check_interval_s };
	const struct updates_hooks updates_hooks = daemon_updates_hooks(d);
	struct scrub_env scrub_env = { .loop = d->loop,
				       .pool = d->pool,
				       .store = d->store,
				       .models_root = d->models_root,
				       .limit_bps = d->cfg->verify_limit_bps,
				       .every_s = d->cfg->scrub_interval_s };
	const struct scrub_hooks scrub_hooks = daemon_scrub_hooks(d);
	const struct watch_hooks watch_hooks = daemon_watch_hooks(d);
	struct error why;

	/* Without it the disk is looked at all the same, from time to time. */
	d->watch = watch_new(d->loop, d->pool, d->models_root, &watch_hooks, &why);
	if (d->watch == NULL)
		log_warning("others' changes are seen late: %s", why.text);
	d->updates = updates_new(&updates_env, &updates_hooks, err);
	if (d->updates == NULL)
		return -1;
	d->scrub = scrub_new(&scrub_env, &scrub_hooks, err);
	d->ops.updates = d->updates;
	d->ops.scrub = d->scrub;
	return d->scrub == NULL ? -1 : 0;
}

static int build_notify(struct daemon *d, struct error *err)
{
	const struct config *cfg = d->cfg;
	const struct notify_plan plan = { .loop = d->loop,
					  .fetch = d->fetch,
					  .store = d->store,
					  .queue = d->queue,
					  .hook = d->hook,
					  .url = cfg->webhook_url,
					  .secret = cfg->webhook_secret,
					  .format = (enum webhook_format)cfg->webhook_format,
					  .models_dir = cfg->models_dir };

	if (d->hook != NULL && hook_start(d->hook, d->loop, err) < 0)
		return -1;
	d->notify = notify_new(&plan);
	return 0;
}

/* The group that owns the socket may use it. */
static gid_t group_of(const char *path)
{
	struct stat st;

	return stat(path, &st) == 0 ? st.st_gid : getegid();
}

static int build_sockets(struct daemon *d, struct error *err)
{
	const struct config *cfg = d->cfg;
	struct sse_plan plan = {
		.loop = d->loop,
		.events = d->events,
		.base_path = cfg->base_path,
		.auth = d->auth,
		.user_header = cfg->user_header,
		.hosts = cfg->hosts[0] != '\0' || cfg->auth == AUTH_NONE ? cfg->hosts : NULL,
		.clients_max = (size_t)cfg->event_clients,
		.is_for_this_machine = cfg->auth == AUTH_NONE && !cfg->allows_anyone,
		.clients_each = (size_t)cfg->event_clients_each,
		.snapshot = make_snapshot,
		.ctx = d
	};
	const struct control_hooks control_hooks = { .fn = ops_dispatch,
						     .ended = ops_on_ended,
						     .ctx = &d->ops };
	int fd;

	if (folder_make(cfg->runtime_dir, 0755, NULL, err) < 0)
		return error_prefix(err, "LARDER_RUNTIME_DIR");
	fd = service_listen(cfg->control_socket, SOCKET_MODE, err);
	if (fd < 0)
		return -1;
	d->control =
		control_new(d->loop, fd, group_of(cfg->control_socket), &control_hooks, err);
	if (d->control == NULL)
		return -1;
	fd = service_listen(cfg->events_socket, SOCKET_MODE, err);
	if (fd < 0)
		return -1;
	d->sse = sse_new(&plan, fd, err);
	d->ops.sse = d->sse;
	return d->sse == NULL ? -1 : 0;
}

static int reload(struct daemon *d, struct error *err)
{
	AUTO(config) fresh = config_load(getenv, err);

	if (fresh == NULL)
		return -1;
	if (auth_set_keys(d->auth, str_from(fresh->api_keys), err) < 0)
		return error_prefix(err, "LARDER_API_KEYS");
	log_hide(str_from(fresh->hf_token));
	account_set_env(d->account, fresh->hf_token);
	sessions_set_password(d->sessions, fresh->password_hash); /* and looks at who watches */
	return 0;
}

static void on_hangup(evutil_socket_t number, short what, void *arg)
{
	struct daemon *d = arg;
	struct error err;

	(void)number;
	(void)what;
	if (d->is_stopping)
		return;
	service_reloading();
	if (reload(d, &err) < 0)
		log_error("reload: all stays as it is: %s", err.text);
	else
		log_info("reload: the secrets that come from files are read again");
	service_ready("Reloaded");
}

static char *describe(void *ctx)
{
	const struct daemon *d = ctx;

	return ops_status_line(&d->ops);
}

static int catch_signals(struct daemon *d, struct error *err)
{
	static const struct {
		int number;
		void (*fn)(evutil_socket_t number, short what, void *arg);
	} signals[] = { { SIGTERM, on_signal }, { SIGINT, on_signal }, { SIGHUP, on_hangup } };

	static_assert(ARRAY_LEN(signals) == ARRAY_LEN(d->signals), "each has its event");
	for (size_t i = 0; i < ARRAY_LEN(signals); i++) {
		d->signals[i] =
			evsignal_new(loop_base(d->loop), signals[i].number, signals[i].fn, d);
		if (d->signals[i] == NULL || event_add(d->signals[i], NULL) < 0)
			return error_set(err, ERR_INTERNAL, "signals cannot be caught");
	}
	return 0;
}

struct daemon *daemon_new(const struct config *cfg, const struct fit_host *host,
			  struct hook *hook, struct error *err)
{
	AUTO(daemon) d = mem_alloc(sizeof(*d));

	d->cfg = cfg;
	d->host = *host;
	d->hook = hook;
	d->models_root = -1;
	if (build_base(d, err) < 0 || build_settings(d, err) < 0 ||
	    build_sessions(d, err) < 0 || build_queue(d, err) < 0 ||
	    build_library(d, err) < 0 || build_care(d, err) < 0 || build_notify(d, err) < 0 ||
	    catch_signals(d, err) < 0 || build_sockets(d, err) < 0)
		return NULL;
	return MOVE(d);
}

/* It goes on: what is there can be looked at, and somebody may mend it meanwhile. */
static void warn_of_no_right(const struct daemon *d)
{
	const char *path = d->cfg->models_dir;

	if (faccessat(d->models_root, ".", W_OK, AT_EACCESS) == 0)
		return;
	if (errno == EROFS)
		log_warning("%s: it can only be read here: it is mounted so, or a service unit "
			    "(ProtectSystem=, ProtectHome=) or container shows it so",
			    path);
	else
		log_warning("%s: user %u may not write here; give it to them (chown)", path,
			    (unsigned)geteuid());
}

void daemon_run(struct daemon *daemon)
{
	daemon_on_space(daemon);
	daemon_apply_effect(daemon, settings_effect(daemon->settings));
	queue_start(daemon->queue);
	notify_look(daemon->notify);
	library_scan(daemon->library);
	daemon->lateness = lateness_new(daemon->loop);
	daemon->ops.lateness = daemon->lateness;
	warn_of_no_right(daemon);
	log_info("ready: models in %s, Hub %s", daemon->cfg->models_dir, daemon->endpoint);
	daemon->heartbeat = heartbeat_new(daemon->loop, describe, daemon);
	loop_run(daemon->loop);
	log_info("stopped");
}

/* Threads end first; what they posted is run while everything it may touch still stands. */
void daemon_free(struct daemon **daemon)
{
	struct daemon *d = *daemon;

	if (d == NULL)
		return;
	control_free(&d->control);
	ops_clear(&d->ops);
	sse_free(&d->sse);
	if (d->library != NULL)
		library_stop(d->library);
	if (d->bin != NULL)
		bin_stop(d->bin);
	if (d->updates != NULL)
		updates_stop(d->updates);
	if (d->watch != NULL)
		watch_stop(d->watch);
	if (d->notify != NULL)
		notify_stop(d->notify);
	if (d->fetch != NULL)
		fetch_stop(d->fetch);
	if (d->pool != NULL)
		pool_stop(d->pool);
	/* What has come home meanwhile may have something to write, and is a deed when that is
	 * done. */
	for (unsigned i = 0; d->loop != NULL && d->store != NULL && i < LAST_ROUNDS; i++) {
		loop_drain(d->loop);
		store_wait(d->store);
	}
	if (d->store != NULL)
		store_stop(d->store);
	if (d->loop != NULL)
		loop_drain(d->loop);
	settings_free(&d->settings);
	sessions_free(&d->sessions);
	auth_free(&d->auth);
	queue_free(&d->queue);
	library_free(&d->library);
	bin_free(&d->bin);
	updates_free(&d->updates);
	scrub_free(&d->scrub);
	notify_free(&d->notify);
	watch_free(&d->watch);
	lateness_free(&d->lateness);
	heartbeat_free(&d->heartbeat);
	budget_free(&d->budget);
	turns_free(&d->turns);
	feed_allowance_free(&d->feeds);
	space_free(&d->space);
	previews_free(&d->previews);
	hub_heads_free(&d->heads);
	hub_models_free(&d->hub_models);
	planner_free(&d->planner);
	account_free(&d->account);
	hub_search_free(&d->search);
	hub_free(&d->hub);
	events_free(&d->events);
	fetch_free(&d->fetch);
	pool_free(&d->pool);
	store_free(&d->store);
	for (size_t i = 0; i < ARRAY_LEN(d->signals); i++) {
		if (d->signals[i] != NULL)
			event_free(d->signals[i]);
	}
	loop_free(&d->loop);
	fd_close(&d->models_root);
	free(d->endpoint);
	free(d);
	*daemon = NULL;
}
