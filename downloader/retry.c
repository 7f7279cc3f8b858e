#include "downloader/retry.h"

#include <errno.h>

enum kind {
	KIND_PASSING, /* goes away by itself, most likely soon */
	KIND_STATED,  /* the other side names a time */
	KIND_SPACE,   /* when the disk takes bytes again */
	KIND_ODD,     /* should not happen: a few tries, then a person must look */
	KIND_PERSON,
};

/* A disk that fails or is mounted read-only may be well again; a name in the way stays. */
static bool is_passing_disk_error(int sys)
{
	return sys == EIO || sys == EROFS || sys == ENODEV || sys == ENXIO || sys == ESTALE ||
	       sys == ETIMEDOUT || sys == EREMOTEIO;
}

/* What a code is by nature, and what a job that waits or fails for it says. */
static enum kind kind_of_code(const struct error *err, enum error_code *ret_reason)
{
	*ret_reason = err->code;
	switch ((int)err->code) {
	case ERR_NETWORK:
	case ERR_TIMEOUT:
		*ret_reason = ERR_NETWORK;
		return KIND_PASSING;
	case ERR_HUB_UNAVAILABLE:
	case ERR_URL_EXPIRED:
	case ERR_RANGE_IGNORED:
		*ret_reason = ERR_HUB_UNAVAILABLE;
		return KIND_PASSING;
	case ERR_STORE:
		return KIND_PASSING;
	case ERR_RATE_LIMITED:
		return KIND_STATED;
	case ERR_DISK_FULL:
	case ERR_DISK_AWAY:
		return KIND_SPACE;
	case ERR_DISK_ERROR:
		return is_passing_disk_error(err->sys) ? KIND_SPACE : KIND_PERSON;
	case ERR_HUB_PROTOCOL:
		return KIND_ODD;
	default:
		return KIND_PERSON;
	}
}

static enum kind kind_of(const struct error *err, enum error_code *ret_reason)
{
	enum kind kind = kind_of_code(err, ret_reason);

	/* Too many descriptors or too little memory in the system goes by. */
	if (err->sys == EMFILE || err->sys == ENFILE || err->sys == ENOMEM)
		return KIND_PASSING;
	/* A server in trouble may name a time too. */
	return kind == KIND_PASSING && err->retry_after_s > 0 ? KIND_STATED : kind;
}

/* `first` doubled `times` times, at most `max`, and moved by up to a quarter either way. */
static uint64_t back_off(uint64_t first, unsigned times, uint64_t max, uint64_t random)
{
	uint64_t delay = first;

	for (unsigned i = 0; i < times && delay < max; i++)
		delay *= 2;
	if (delay > max)
		delay = max;
	return delay - delay / 4 + random % (delay / 2 + 1);
}

struct retry retry_file(const struct error *err, unsigned tries, uint64_t random)
{
	struct retry retry = { .verdict = RETRY_LATER };
	enum kind kind = kind_of(err, &retry.reason);

	if ((kind == KIND_PASSING || kind == KIND_ODD) && tries < RETRY_FILE_TRIES) {
		retry.verdict = RETRY_SOON;
		retry.delay_ms =
			back_off(RETRY_FILE_FIRST_MS, tries, RETRY_JOB_FIRST_MS, random);
	} else if (kind == KIND_ODD || kind == KIND_PERSON) {
		retry.verdict = RETRY_NEVER;
	}
	return retry;
}

static uint64_t stated_delay(const struct error *err)
{
	uint64_t delay_ms = (uint64_t)err->retry_after_s * 1000 + 1000;

	return delay_ms < RETRY_STATED_MAX_MS ? delay_ms : RETRY_STATED_MAX_MS;
}

struct retry retry_job(const struct error *err, unsigned waits, uint64_t random)
{
	struct retry retry = { .verdict = RETRY_LATER };

	switch (kind_of(err, &retry.reason)) {
	case KIND_PASSING:
		retry.delay_ms = back_off(RETRY_JOB_FIRST_MS, waits, RETRY_JOB_MAX_MS, random);
		break;
	case KIND_STATED:
		retry.delay_ms = err->retry_after_s > 0 ? stated_delay(err)
							: back_off(RETRY_JOB_FIRST_MS, waits,
								   RETRY_JOB_MAX_MS, random);
		break;
	case KIND_SPACE:
		retry.delay_ms = back_off(RETRY_DISK_MS, waits, RETRY_JOB_MAX_MS, random);
		break;
	case KIND_ODD:
	case KIND_PERSON:
		retry.verdict = RETRY_NEVER;
		break;
	}
	return retry;
}
