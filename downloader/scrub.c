#include "downloader/scrub.h"

#include <stdlib.h>
#include <string.h>

#include "common/error.h"
#include "common/json.h"
#include "common/log.h"
#include "downloader/inventory.h"
#include "downloader/verify.h"

#define SETTING "scrub.state"

struct finding {
	char *folder;
	char *path;
	enum file_state state;
};

struct scrub {
	struct scrub_env env;
	struct scrub_hooks hooks;
	struct loop_timer *timer;
	struct inventory_call *call; /* of the model that is begun */
	struct verify *verify;       /* or this */
	char *at;                    /* the model that is begun; "" */
	char *passed;                /* the last that is through; "": none */
	bool is_running;
	bool is_breaking_off;
	bool is_whole; /* it came to the end */
	int64_t started_ms;
	int64_t finished_ms;
	int64_t whole_ms; /* when the last one came to its end */
	int64_t since_ms; /* from here on the time until the next counts */
	uint64_t models;
	uint64_t files;
	uint64_t bytes;
	uint64_t counts[FILE_STATE_COUNT];
	struct finding findings[SCRUB_TOLD_MAX];
	size_t n_findings;
	/* Of the model that is under way: it counts when it is through. */
	uint64_t before_bytes;
	uint64_t before_counts[FILE_STATE_COUNT];
	size_t before_findings;

	bool is_stopping;
	void (*stopped)(void *ctx);
	void *stopped_ctx;
};

/* --- what it has come to --- */

static void cut_findings(struct scrub *s, size_t n)
{
	while (s->n_findings > n) {
		s->n_findings--;
		free(s->findings[s->n_findings].folder);
		free(s->findings[s->n_findings].path);
	}
}

static void add_finding(struct scrub *s, struct str folder, struct str path,
			enum file_state state)
{
	if (s->n_findings == SCRUB_TOLD_MAX)
		return;
	s->findings[s->n_findings++] = (struct finding){ .folder = str_dup(folder),
							 .path = str_dup(path),
							 .state = state };
}

static struct json_object *findings_to_json(const struct scrub *s)
{
	struct json_object *rows = json_object_new_array();

	for (size_t i = 0; i < s->n_findings; i++) {
		struct json_object *row = json_object_new_object();

		json_add_cstr(row, "folder", s->findings[i].folder);
		json_add_cstr(row, "path", s->findings[i].path);
		json_add_cstr(row, "state", file_state_name(s->findings[i].state));
		(void)json_object_array_add(rows, row);
	}
	return rows;
}

/* Unix time of the next; 0: none is planned. */
static int64_t next_ms(const struct scrub *s)
{
	if (s->env.every_s == 0 || s->is_running)
		return 0;
	return s->since_ms + (int64_t)(s->env.every_s * 1000);
}

struct json_object *scrub_to_json(const struct scrub *s)
{
	struct json_object *object = json_object_new_object();

	json_add_bool(object, "running", s->is_running);
	json_add_time(object, "started_at", s->started_ms);
	json_add_time(object, "finished_at", s->finished_ms);
	json_add_time(object, "next_at", next_ms(s));
	json_add_bool(object, "is_whole", s->is_whole);
	json_add_cstr(object, "at", s->is_running && s->at[0] != '\0' ? s->at : NULL);
	json_add_u64(object, "models", s->models);
	json_add_u64(object, "files", s->files);
	json_add_u64(object, "bytes", s->bytes);
	json_add_u64(object, "proven", s->counts[FILE_DONE]);
	json_add_u64(object, "changed", s->counts[FILE_CHANGED]);
	json_add_u64(object, "missing", s->counts[FILE_MISSING]);
	json_add_u64(object, "unknown", s->counts[FILE_UNKNOWN]);
	json_take(object, "findings", findings_to_json(s));
	return object;
}

int64_t scrub_whole_ms(const struct scrub *s)
{
	return s->whole_ms;
}

static void on_saved(void *ctx, const struct error *err)
{
	(void)ctx;
	if (err != NULL)
		log_warning("how far the scrub is cannot be saved: %s", err->text);
}

/* The same, with the times as numbers. */
static void save(struct scrub *s)
{
	struct json_object *settings = json_object_new_object();
	struct json_object *state = scrub_to_json(s);

	json_add_int(state, "started_ms", s->started_ms);
	json_add_int(state, "finished_ms", s->finished_ms);
	json_add_int(state, "whole_ms", s->whole_ms);
	json_add_int(state, "since_ms", s->since_ms);
	json_add_cstr(state, "passed", s->passed);
	json_take(settings, SETTING, state);
	store_put_settings(s->env.store, settings, on_saved, s);
}

static uint64_t number(struct json_object *object, const char *name)
{
	int64_t value = json_get_int(object, name, 0);

	return value > 0 ? (uint64_t)value : 0;
}

static void load_findings(struct scrub *s, struct json_object *rows)
{
	size_t n =
		json_object_is_type(rows, json_type_array) ? json_object_array_length(rows) : 0;

	for (size_t i = 0; i < n; i++) {
		struct json_object *row = json_object_array_get_idx(rows, i);
		enum file_state state;

		if (file_state_from_name(json_get_str(row, "state"), &state) == 0)
			add_finding(s, json_get_str(row, "folder"), json_get_str(row, "path"),
				    state);
	}
}

static void load(void *ctx, const char *name, const char *value)
{
	struct scrub *s = ctx;
	AUTO_JSON object = NULL;
	struct error ignored;

	if (strcmp(name, SETTING) != 0 || json_parse(str_from(value), 4, &object, &ignored) < 0)
		return;
	s->is_running = json_is_true(object, "running");
	s->is_whole = json_is_true(object, "is_whole");
	s->started_ms = json_get_int(object, "started_ms", 0);
	s->finished_ms = json_get_int(object, "finished_ms", 0);
	s->whole_ms = json_get_int(object, "whole_ms", 0);
	s->since_ms = json_get_int(object, "since_ms", 0);
	free(s->passed);
	s->passed = str_dup(json_get_str(object, "passed"));
	s->models = number(object, "models");
	s->files = number(object, "files");
	s->bytes = number(object, "bytes");
	s->counts[FILE_DONE] = number(object, "proven");
	s->counts[FILE_CHANGED] = number(object, "changed");
	s->counts[FILE_MISSING] = number(object, "missing");
	s->counts[FILE_UNKNOWN] = number(object, "unknown");
	load_findings(s, json_get(object, "findings"));
}

/* --- one model after the other --- */

static void begin_next(struct scrub *s);

static void tell_stopped(void *ctx)
{
	struct scrub *s = ctx;

	s->stopped(s->stopped_ctx);
}

static void remember(struct scrub *s)
{
	s->before_bytes = s->bytes;
	s->before_findings = s->n_findings;
	memcpy(s->before_counts, s->counts, sizeof(s->counts));
}

/* The model counts as not begun. */
static void take_back(struct scrub *s)
{
	s->bytes = s->before_bytes;
	memcpy(s->counts, s->before_counts, sizeof(s->counts));
	cut_findings(s, s->before_findings);
}

static void end(struct scrub *s, bool is_whole)
{
	s->is_running = false;
	s->is_breaking_off = false;
	s->is_whole = is_whole;
	s->finished_ms = clock_unix_ms();
	s->since_ms = s->finished_ms;
	if (is_whole)
		s->whole_ms = s->finished_ms;
	log_info("scrub %s: %llu models, %llu files proven, %llu changed, %llu missing,"
		 " %llu unknown",
		 is_whole ? "done" : "broken off", (unsigned long long)s->models,
		 (unsigned long long)s->counts[FILE_DONE],
		 (unsigned long long)s->counts[FILE_CHANGED],
		 (unsigned long long)s->counts[FILE_MISSING],
		 (unsigned long long)s->counts[FILE_UNKNOWN]);
	save(s);
	if (s->env.every_s > 0)
		loop_timer_arm(s->timer, s->env.every_s * 1000);
	s->hooks.state(s->hooks.ctx);
}

static void pass(struct scrub *s, size_t files)
{
	s->models++;
	s->files += files;
	free(s->passed);
	s->passed = mem_strdup(s->at);
	s->hooks.passed(s->hooks.ctx, s->at);
	save(s);
	s->hooks.state(s->hooks.ctx);
	begin_next(s);
}

static void on_found(void *ctx, size_t index, const char *why)
{
	struct scrub *s = ctx;
	const struct plan_file *file = &verify_plan(s->verify)->files[index];

	s->counts[file->state]++;
	if (file->state == FILE_DONE || file->state == FILE_CHANGED)
		s->bytes += file->size;
	if (file->state == FILE_CHANGED || file->state == FILE_MISSING) {
		add_finding(s, str_from(s->at), str_from(file->path), file->state);
		s->hooks.found(s->hooks.ctx, s->at, file, why);
	}
}

static void on_over(void *ctx, struct verify *take_verify, const struct error *err)
{
	struct scrub *s = ctx;
	size_t files = verify_plan(take_verify)->n;

	(void)err; /* that it was stopped, we know */
	s->verify = NULL;
	verify_free(&take_verify);
	if (s->is_stopping) {
		tell_stopped(s);
	} else if (s->is_breaking_off) {
		end(s, false);
	} else {
		/* One that was deleted meanwhile, or is being written to, lacks nothing. */
		if (!s->hooks.is_idle(s->hooks.ctx, s->at)) {
			take_back(s);
			files = 0;
		}
		pass(s, files);
	}
}

static void on_inventory(void *ctx, struct inventory *take_inventory)
{
	struct scrub *s = ctx;
	struct verify_env env = { .loop = s->env.loop,
				  .pool = s->env.pool,
				  .models_root = s->env.models_root,
				  .limit_bps = s->env.limit_bps };
	struct verify_hooks hooks = { .found = on_found, .over = on_over, .ctx = s };

	s->call = NULL;
	s->verify = verify_new(&env, s->at, "", MOVE(take_inventory->plan), &hooks);
	inventory_free(&take_inventory);
}

static void begin(struct scrub *s, struct model *model)
{
	struct inventory_env env = { .pool = s->env.pool, .models_root = s->env.models_root };

	free(s->at);
	s->at = mem_strdup(model->folder);
	remember(s);
	s->call = inventory_start(&env, model, on_inventory, s);
}

static void begin_next(struct scrub *s)
{
	struct model *model = s->hooks.next(s->hooks.ctx, s->passed);

	if (model == NULL)
		end(s, true);
	else
		begin(s, model);
}

/* --- what is asked --- */

void scrub_start(struct scrub *s)
{
	if (s->is_running || s->is_stopping)
		return;
	s->is_running = true;
	s->is_whole = false;
	s->started_ms = clock_unix_ms();
	s->finished_ms = 0;
	s->models = 0;
	s->files = 0;
	s->bytes = 0;
	memset(s->counts, 0, sizeof(s->counts));
	cut_findings(s, 0);
	free(s->passed);
	s->passed = mem_strdup("");
	loop_timer_stop(s->timer);
	save(s);
	s->hooks.state(s->hooks.ctx);
	begin_next(s);
}

void scrub_break_off(struct scrub *s)
{
	if (!s->is_running || s->is_breaking_off || s->is_stopping)
		return;
	s->is_breaking_off = true;
	inventory_cancel(&s->call);
	if (s->verify != NULL) {
		verify_stop(s->verify);
		return;
	}
	loop_timer_stop(s->timer);
	end(s, false);
}

static void on_time(void *ctx)
{
	struct scrub *s = ctx;

	if (s->is_running)
		begin_next(s);
	else
		scrub_start(s);
}

struct scrub *scrub_new(const struct scrub_env *env, const struct scrub_hooks *hooks,
			struct error *err)
{
	AUTO(scrub) s = mem_alloc(sizeof(*s));

	s->env = *env;
	s->hooks = *hooks;
	s->at = mem_strdup("");
	s->passed = mem_strdup("");
	s->timer = loop_timer_new(env->loop, on_time, s);
	if (store_load_settings(env->store, load, s, err) < 0)
		return NULL;
	return MOVE(s);
}

void scrub_run(struct scrub *s)
{
	int64_t now_ms = clock_unix_ms();
	int64_t most_ms = (int64_t)(s->env.every_s * 1000);
	int64_t left_ms;

	if (s->is_running)
		loop_timer_arm(s->timer, 0);
	if (s->is_running || s->env.every_s == 0)
		return;
	if (s->since_ms == 0 ||
	    s->since_ms > now_ms) { /* it has just come here, or the clock */
		s->since_ms = now_ms;
		save(s);
	}
	left_ms = s->since_ms + most_ms - now_ms;
	loop_timer_arm(s->timer, left_ms > 0 ? (uint64_t)left_ms : 0);
}

void scrub_stop(struct scrub *s, void (*stopped)(void *ctx), void *ctx)
{
	s->is_stopping = true;
	s->stopped = stopped;
	s->stopped_ctx = ctx;
	loop_timer_stop(s->timer);
	inventory_cancel(&s->call);
	if (s->verify != NULL)
		verify_stop(s->verify);
	else
		loop_defer(s->env.loop, tell_stopped, s);
}

void scrub_free(struct scrub **scrub)
{
	struct scrub *s = *scrub;

	*scrub = NULL;
	if (s == NULL)
		return;
	loop_timer_free(&s->timer);
	cut_findings(s, 0);
	free(s->at);
	free(s->passed);
	free(s);
}
