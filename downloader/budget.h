/*
 * The connections of all downloads together. Files join; the budget opens connections for them
 * one by one, as many as are worth having (controller.h), one at least for each running job,
 * and never more than are allowed: each running job in turn, and in a job the file that came
 * first, so that files end one after the other. A small file needs one connection for a moment:
 * it is not held back by the measuring.
 *
 * Belongs to the loop's thread.
 */
#ifndef DOWNLOADER_BUDGET_H
#define DOWNLOADER_BUDGET_H

#include "downloader/loop.h"

struct budget;
struct budget_member;

enum {
	BUDGET_TICK_MS = 50,
	BUDGET_SMALL_BYTES = 8 * 1024 * 1024, /* a file up to this size is small */
	BUDGET_LINGER_MS = 1000, /* so long a server may still count what has ended for us */
};

struct budget_hooks {
	/* Could it use one more connection now? */
	bool (*can_open)(void *ctx);
	/* Opens one: budget_closed() follows when it has ended. False when there was no work
	 * for it after all: then the others are asked. */
	bool (*open)(void *ctx);
	void *ctx;
};

/* At most `total` connections, of which one file has at most `per_file`. */
struct budget *budget_new(struct loop *loop, size_t total, size_t per_file);
void budget_free(struct budget **budget); /* when all have left */

void budget_set_total(struct budget *budget, size_t total);

/* `group` tells the jobs apart (any pointer); `is_small` as above. */
struct budget_member *budget_join(struct budget *budget, const void *group, bool is_small,
				  const struct budget_hooks *hooks);
void budget_leave(struct budget_member **member); /* with no connection open */

/* A connection has brought its first byte / has ended; `is_flowing` tells whether it had. */
void budget_flowing(struct budget_member *member);
void budget_closed(struct budget_member *member, bool is_flowing);

/* So many bytes came. */
void budget_count(struct budget_member *member, uint64_t bytes);
/* All that came over this member's connections up to now was counted: to be called many times a
 * second. */
void budget_counted(struct budget_member *member);

/* The server has refused a connection of this member, which has been closed. True when others
 * go on, of whomever, or one that brought bytes ended within the last BUDGET_LINGER_MS: then
 * there are no more than these for a minute, one at least, and the member may try again when
 * there is room. False when it was the only one. */
bool budget_refused(struct budget_member *member);

/* Something has changed for a member: looks soon whether connections can be opened. */
void budget_kick(struct budget *budget);

#endif
