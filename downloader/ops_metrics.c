#include "downloader/ops.h"

#include <stdio.h>
#include <sys/resource.h>

#include "common/metrics.h"
#include "downloader/tally.h"

enum {
	TEXT_MAX = 256 * 1024,
	US_PER_MS = 1000,
};

#define COUNTER "counter"
#define GAUGE   "gauge"

static void add_label(char ret[96], const char *name, const char *value)
{
	(void)snprintf(ret, 96, "%s=\"%s\"", name, value);
}

/* From the beginning, so that the first one is seen as a change: what retry.c tries again. */
static bool is_usual(enum error_code cause)
{
	static const enum error_code causes[] = {
		ERR_NETWORK,      ERR_TIMEOUT,     ERR_RATE_LIMITED,  ERR_HUB_UNAVAILABLE,
		ERR_HUB_PROTOCOL, ERR_URL_EXPIRED, ERR_DISK_FULL,     ERR_DISK_ERROR,
		ERR_DISK_AWAY,    ERR_STORE,       ERR_RANGE_IGNORED, ERR_HASH_MISMATCH,
	};

	for (size_t i = 0; i < ARRAY_LEN(causes); i++) {
		if (causes[i] == cause)
			return true;
	}
	return false;
}

static void add_ends(struct buf *b)
{
	metrics_family(b, "larder_ended_total", COUNTER,
		       "Jobs that have come to an end, by what they were and how it went.");
	for (unsigned kind = 0; kind < JOB_KIND_COUNT; kind++) {
		for (unsigned state = 0; state < JOB_STATE_COUNT; state++) {
			char labels[96];

			if (!job_is_final((enum job_state)state))
				continue;
			(void)snprintf(labels, sizeof(labels), "kind=\"%s\",state=\"%s\"",
				       job_kind_name((enum job_kind)kind),
				       job_state_name((enum job_state)state));
			metrics_value(b, "larder_ended_total", labels,
				      tally_ends((enum job_kind)kind, (enum job_state)state));
		}
	}
}

static void add_downloads(struct buf *b, const struct ops *ops)
{
	struct ops_sums sums = ops_add_up(ops);
	char label[96];

	metrics_family(b, "larder_downloads", GAUGE, "Jobs in each state, those on the list.");
	for (unsigned i = 0; i < JOB_STATE_COUNT; i++) {
		add_label(label, "state", job_state_name((enum job_state)i));
		metrics_value(b, "larder_downloads", label, sums.by_state[i]);
	}
	add_ends(b);
	metrics_one(b, "larder_speed_bytes_per_second", GAUGE,
		    "Of all jobs together, verifications too, now.", sums.speed_bps);
	metrics_one(b, "larder_connections", GAUGE, "Connections that fetch, now.",
		    sums.connections);
	metrics_one(b, "larder_queue_bytes", GAUGE,
		    "Bytes that all downloads on the list have yet to fetch.", sums.bytes_left);
	metrics_one(b, "larder_fetched_bytes_total", COUNTER,
		    "Bytes of bodies that came over the line.", tally_of(TALLY_FETCHED));
	metrics_one(b, "larder_written_bytes_total", COUNTER,
		    "Bytes of models written to the disk.", tally_of(TALLY_WRITTEN));
	metrics_one(b, "larder_hashed_bytes_total", COUNTER,
		    "Bytes hashed, of downloads and of verifications.", tally_of(TALLY_HASHED));
	metrics_family(b, "larder_retries_total", COUNTER,
		       "Files and jobs that were tried again, by the reason.");
	for (unsigned i = ERR_NONE + 1; i < ERR_COUNT; i++) {
		uint64_t n = tally_retries((enum error_code)i);

		add_label(label, "cause", error_code_name((enum error_code)i));
		if (n > 0 || is_usual((enum error_code)i))
			metrics_value(b, "larder_retries_total", label, n);
	}
}

static void add_hub(struct buf *b, const struct ops *ops)
{
	uint64_t remaining = 0;
	uint64_t reset_s = 0;

	metrics_one(b, "larder_hub_requests_total", COUNTER,
		    "Requests to the Hub and to where it leads.", tally_of(TALLY_REQUESTS));
	if (!hub_tell_quota(ops->hub, &remaining, &reset_s))
		return;
	metrics_one(b, "larder_hub_quota_remaining", GAUGE,
		    "Questions that the Hub's API still answers.", remaining);
	metrics_one(b, "larder_hub_quota_reset_seconds", GAUGE,
		    "Seconds until that quota is full again.", reset_s);
}

static void add_disk(struct buf *b, const struct ops *ops)
{
	const struct file_space *space = space_root(ops->space);
	struct error ignored;

	metrics_one(b, "larder_disk_kept_free_bytes", GAUGE,
		    "What downloads leave alone of it (LARDER_MIN_FREE).", ops->min_free_bytes);
	metrics_one(b, "larder_disk_free_bytes", GAUGE, "Free space where the models are.",
		    space->free_bytes);
	metrics_one(b, "larder_disk_size_bytes", GAUGE,
		    "Size of the disk where the models are.", space->total_bytes);
	metrics_one(b, "larder_disk_reserved_bytes", GAUGE,
		    "What the queue will still take of it.",
		    queue_reserved(ops->queue, space->device));
	metrics_one(b, "larder_disk_well", GAUGE, "1: the models directory can be written to.",
		    ops_check_disk(ops, &ignored) == 0 ? 1 : 0);
}

static void add_library(struct buf *b, const struct ops *ops)
{
	struct library_state state;

	library_tell(ops->library, &state);
	metrics_one(b, "larder_models", GAUGE, "Models in the library.", state.models);
	metrics_one(b, "larder_model_files", GAUGE, "Files of these.", state.files);
	metrics_one(b, "larder_model_bytes", GAUGE, "Bytes of these.", state.bytes);
}

static void add_scrub(struct buf *b, const struct ops *ops)
{
	static const char *const kinds[] = { "proven", "changed", "missing", "unknown" };
	AUTO_JSON scrub = scrub_to_json(ops->scrub);
	char label[96];

	metrics_one(b, "larder_scrub_running", GAUGE, "1 while the library is scrubbed.",
		    json_object_get_boolean(json_get(scrub, "running")) ? 1 : 0);
	metrics_family(b, "larder_scrub_files", GAUGE,
		       "Files by what the scrub, this or the last, has found them to be.");
	for (size_t i = 0; i < ARRAY_LEN(kinds); i++) {
		add_label(label, "state", kinds[i]);
		metrics_value(b, "larder_scrub_files", label,
			      (uint64_t)json_get_int(scrub, kinds[i], 0));
	}
	metrics_one(b, "larder_scrub_finished_timestamp_seconds", GAUGE,
		    "When a scrub last came to its end; 0: never.",
		    (uint64_t)scrub_whole_ms(ops->scrub) / 1000);
}

static uint64_t cpu_us(const struct rusage *usage)
{
	return (uint64_t)(usage->ru_utime.tv_sec + usage->ru_stime.tv_sec) * 1000000 +
	       (uint64_t)(usage->ru_utime.tv_usec + usage->ru_stime.tv_usec);
}

static void add_process(struct buf *b, const struct ops *ops)
{
	struct rusage usage = { 0 };

	(void)getrusage(RUSAGE_SELF, &usage);
	metrics_one(b, "larder_event_clients", GAUGE, "Event streams that are open.",
		    sse_clients(ops->sse));
	metrics_family(b, "larder_loop_late_seconds", GAUGE,
		       "By how much larderd's loop was late at worst in the last minutes.");
	metrics_seconds(b, "larder_loop_late_seconds", NULL,
			lateness_lately_ms(ops->lateness) * US_PER_MS);
	metrics_family(b, "larder_cpu_seconds_total", COUNTER,
		       "Processor time that larderd has taken.");
	metrics_seconds(b, "larder_cpu_seconds_total", NULL, cpu_us(&usage));
	metrics_one(b, "larder_memory_peak_bytes", GAUGE,
		    "Memory that larderd has held at most since it began.",
		    (uint64_t)usage.ru_maxrss * 1024);
	metrics_family(b, "larder_build_info", GAUGE, "The version, as a label.");
	metrics_value(b, "larder_build_info", "version=\"" LARDER_VERSION "\"", 1);
}

void ops_system_metrics(struct ops *ops, struct control_call *call, struct json_object *params)
{
	struct json_object *object = json_object_new_object();
	AUTO(buf) b = buf_new(TEXT_MAX);

	(void)params;
	add_process(b, ops);
	add_downloads(b, ops);
	add_hub(b, ops);
	add_disk(b, ops);
	add_library(b, ops);
	add_scrub(b, ops);
	json_add_cstr(object, "text", buf_cstr(b));
	control_reply(call, object);
}
