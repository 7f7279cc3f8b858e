#include "downloader/plan.h"

#include <stdlib.h>

static const char *const state_names[] = {
	[FILE_PENDING] = "pending",
	[FILE_CHECKING] = "checking",
	[FILE_WAITING] = "waiting",
	[FILE_COPYING] = "copying",
	[FILE_DOWNLOADING] = "downloading",
	[FILE_VERIFYING] = "verifying",
	[FILE_DONE] = "done",
	[FILE_FAILED] = "failed",
	[FILE_CHANGED] = "changed",
	[FILE_MISSING] = "missing",
	[FILE_UNKNOWN] = "unknown",
	[FILE_STAGED] = "staged",
	[FILE_GONE] = "gone",
};

static_assert(ARRAY_LEN(state_names) == FILE_STATE_COUNT, "every state has its name");

struct plan *plan_new(size_t n)
{
	struct plan *plan = mem_alloc(sizeof(*plan));

	plan->files = mem_array(n, sizeof(*plan->files));
	plan->n = n;
	return plan;
}

struct plan *plan_copy(const struct plan *plan)
{
	struct plan *copy = plan_new(plan->n);

	for (size_t i = 0; i < plan->n; i++) {
		copy->files[i] = plan->files[i];
		copy->files[i].path = mem_strdup(plan->files[i].path);
	}
	return copy;
}

void plan_free(struct plan **plan)
{
	if (*plan == NULL)
		return;
	for (size_t i = 0; i < (*plan)->n; i++)
		free((*plan)->files[i].path);
	free((*plan)->files);
	free(*plan);
	*plan = NULL;
}

void plan_take_progress(struct plan *to, const struct plan *from)
{
	if (to->n != from->n)
		return;
	for (size_t i = 0; i < to->n; i++) {
		to->files[i].state = from->files[i].state;
		to->files[i].bytes_done = from->files[i].bytes_done;
		to->files[i].bytes_verified = from->files[i].bytes_verified;
	}
}

const char *file_state_name(enum file_state state)
{
	return state_names[state];
}

int file_state_from_name(struct str name, enum file_state *ret)
{
	for (unsigned i = 0; i < FILE_STATE_COUNT; i++) {
		if (str_is_equal(name, str_from(state_names[i]))) {
			*ret = (enum file_state)i;
			return 0;
		}
	}
	return -1;
}
