/* What stands between a download and its end: this server's own affairs first, then the way to
 * the Hub (doctor.h). */
#include "downloader/ops.h"

#include <stdlib.h>

#include "downloader/doctor.h"
#include "downloader/size_text.h"

/* One call under way. */
struct consultation {
	struct ops *ops;
	struct control_call *call;
	struct choice choice;       /* repo: what was named to try with, or NULL */
	struct json_object *checks; /* the findings so far */
	size_t failed;
};

static void add_finding(struct consultation *c, const struct finding *finding)
{
	struct json_object *object = json_object_new_object();

	json_add_cstr(object, "check", finding_check_name(finding->check));
	json_add_cstr(object, "state", finding_state_name(finding->state));
	json_add_cstr(object, "host", finding->host);
	json_add_cstr(object, "address", finding->address[0] != '\0' ? finding->address : NULL);
	json_take(object, "ms", finding->has_time ? json_object_new_uint64(finding->ms) : NULL);
	json_add_cstr(object, "detail", finding->detail);
	json_add_cstr(object, "hint", finding->hint);
	(void)json_object_array_add(c->checks, object);
	c->failed += finding->state == FINDING_FAILED;
}

/* --- this server's own affairs --- */

/* Takes the detail. */
static void add_own(struct consultation *c, enum finding_check check, enum finding_state state,
		    char *take_detail, const char *hint)
{
	struct finding finding = {
		.check = check, .state = state, .detail = take_detail, .hint = mem_strdup(hint)
	};

	add_finding(c, &finding);
	finding_clear(&finding);
}

static void add_disk(struct consultation *c)
{
	const struct ops *ops = c->ops;
	const struct file_space *space = space_root(ops->space);
	uint64_t reserved = queue_reserved(ops->queue, space->device);
	AUTO_CSTR free_text = size_text(space->free_bytes);
	AUTO_CSTR reserved_text = size_text(reserved);
	AUTO_CSTR kept_text = size_text(ops->min_free_bytes);
	struct error err = { .code = ERR_NONE };

	if (ops_check_disk(ops, &err) < 0) {
		const char *hint = error_code_hint(err.code);

		add_own(c, FINDING_DISK, FINDING_FAILED,
			mem_printf("%s: %s", ops->models_path, err.text),
			hint != NULL ? hint
				     : "see whether its disk is mounted, and larderd's user "
				       "may write there");
		return;
	}
	if (space->free_bytes < reserved + ops->min_free_bytes) {
		add_own(c, FINDING_DISK, FINDING_WARNING,
			mem_printf("%s has %s free; the queue needs %s, and %s stay free",
				   ops->models_path, free_text, reserved_text, kept_text),
			"free some space; what waits for it goes on by itself");
		return;
	}
	add_own(c, FINDING_DISK, FINDING_OK,
		mem_printf("%s can be written, %s of it free", ops->models_path, free_text),
		NULL);
}

/* Only what somebody may have forgotten. */
static void add_settings(struct consultation *c)
{
	const struct settings_effect *effect = settings_effect(c->ops->settings);
	bool is_schedule = str_is_equal(str_from(effect->why), S("schedule"));

	if (effect->is_paused)
		add_own(c, FINDING_SETTINGS, FINDING_WARNING,
			mem_printf("all downloads are paused%s",
				   is_schedule ? " by the schedule" : ""),
			is_schedule ? "change the schedule in the settings, or wait"
				    : "end the pause: larder settings set paused=off");
	else if (effect->limit_bps > 0)
		add_own(c, FINDING_SETTINGS, FINDING_OK,
			mem_printf("downloads are limited to %llu kB/s",
				   (unsigned long long)(effect->limit_bps / 1000)),
			NULL);
}

/* --- the answer --- */

static void on_examined(void *ctx, const struct doctor_report *report)
{
	struct consultation *c = ctx;
	struct json_object *object = json_object_new_object();

	for (size_t i = 0; i < report->n; i++)
		add_finding(c, &report->findings[i]);
	json_add_bool(object, "healthy", c->failed == 0);
	json_add_cstr(object, "repo", report->repo);
	json_add_cstr(object, "path", report->path);
	json_take(object, "checks", MOVE(c->checks));
	control_reply(c->call, object);
	choice_clear(&c->choice);
	free(c);
}

/* Did it fail on the way? What the Hub does not have is no trouble of the connection. */
static bool has_failed_on_the_way(const struct job *job)
{
	switch ((int)job->reason.code) {
	case ERR_NETWORK:
	case ERR_TIMEOUT:
	case ERR_HUB_UNAVAILABLE:
	case ERR_HUB_PROTOCOL:
	case ERR_UNAUTHORIZED:
	case ERR_GATED:
	case ERR_HASH_MISMATCH:
		return job->state == JOB_FAILED;
	default:
		return false;
	}
}

/* Of use as an example at all, and how likely somebody asks about it. */
static unsigned weight_of(const struct job *job)
{
	if (job->kind == JOB_VERIFY)
		return 0;
	if (job->state == JOB_WAITING)
		return 2;
	return job->state == JOB_COMPLETED || has_failed_on_the_way(job) ? 1 : 0;
}

/* What somebody is most likely to ask about: the newest download that waits, or the newest that
 * has come to an end. One that failed before another went well says nothing of today. */
static const struct job *find_job(const struct ops *ops)
{
	const struct job *best = NULL;
	size_t n = 0;
	struct job *const *jobs = queue_jobs(ops->queue, &n);

	for (size_t i = 0; i < n; i++) {
		unsigned weight = weight_of(jobs[i]);
		unsigned least = best != NULL ? weight_of(best) : 1;

		if (weight > least ||
		    (weight == least && (best == NULL || jobs[i]->order > best->order)))
			best = jobs[i];
	}
	return best;
}

static void on_store_checked(void *ctx, const struct error *err)
{
	struct consultation *c = ctx;
	struct ops *ops = c->ops;
	const struct job *job = c->choice.repo == NULL ? find_job(ops) : NULL;
	struct doctor_case on = { .type = c->choice.type,
				  .repo = c->choice.repo,
				  .revision = c->choice.revision };

	if (err != NULL)
		add_own(c, FINDING_DATABASE, FINDING_FAILED,
			mem_printf("%s: %s", ops->state_path, err->text),
			"see whether LARDER_STATE_DIR can be written and its disk is not full");
	else
		add_own(c, FINDING_DATABASE, FINDING_OK, mem_strdup("it answers"), NULL);
	add_settings(c);
	if (job != NULL)
		on = (struct doctor_case){ .type = job->type,
					   .repo = job->repo,
					   .revision = job->revision };
	doctor_examine(ops->hub, ops->search, &on, on_examined, c);
}

void ops_doctor_examine(struct ops *ops, struct control_call *call, struct json_object *params)
{
	struct consultation *c = mem_alloc(sizeof(*c));
	AUTO_CSTR form = NULL;
	struct error err;

	c->ops = ops;
	c->call = call;
	if (json_get(params, "repo") != NULL &&
	    ops_read_choice(ops, params, &c->choice, &form, &err) < 0) {
		control_fail(call, &err, NULL);
		choice_clear(&c->choice);
		free(c);
		return;
	}
	c->checks = json_object_new_array();
	add_disk(c);
	store_check(ops->store, on_store_checked, c);
}
