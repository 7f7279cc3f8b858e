#include "downloader/heartbeat.h"

#include <stdlib.h>
#include <string.h>

#include "common/service.h"

struct heartbeat {
	struct loop_timer *timer;
	heartbeat_describe_fn describe;
	void *ctx;
	uint64_t every_ms;
	char *told;
};

static void on_time(void *ctx)
{
	struct heartbeat *h = ctx;
	AUTO_CSTR line = h->describe(h->ctx);

	service_alive();
	if (strcmp(line, h->told) != 0) {
		service_status(line);
		free(h->told);
		h->told = MOVE(line);
	}
	loop_timer_arm(h->timer, h->every_ms);
}

struct heartbeat *heartbeat_new(struct loop *loop, heartbeat_describe_fn describe, void *ctx)
{
	struct heartbeat *h = mem_alloc(sizeof(*h));
	uint64_t watchdog_ms = service_watchdog_ms();

	h->timer = loop_timer_new(loop, on_time, h);
	h->describe = describe;
	h->ctx = ctx;
	h->every_ms = watchdog_ms > 0 && watchdog_ms / 3 < HEARTBEAT_MS ? watchdog_ms / 3
									: HEARTBEAT_MS;
	h->told = describe(ctx);
	service_ready(h->told);
	loop_timer_arm(h->timer, h->every_ms);
	return h;
}

void heartbeat_free(struct heartbeat **heartbeat)
{
	struct heartbeat *h = *heartbeat;

	*heartbeat = NULL;
	if (h == NULL)
		return;
	loop_timer_free(&h->timer);
	free(h->told);
	free(h);
}
