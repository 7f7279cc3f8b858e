/*
 * One file at the Hub, as a source of byte ranges. The first request walks: the Hub's resolve
 * address, with the token; then each redirect by hand, without the token once it leaves the
 * endpoint's origin. The address it ends at is kept in memory and shared by all requests that
 * follow, until it is about to expire or is refused; then one walks again. What the Hub says of
 * the file's identity on the way must agree with the plan, and each answer's status, range and
 * length are checked before a single byte is let through.
 *
 *   hubfile_new() -> hubfile_get() ... -> hubfile_free()
 *
 * Belongs to the loop's thread, but for write and flush.
 */
#ifndef DOWNLOADER_HUBFILE_H
#define DOWNLOADER_HUBFILE_H

#include "downloader/hub.h"
#include "downloader/hub_parse.h"

struct hubfile;
struct hubfile_get;

enum {
	HUBFILE_EXPIRY_S = 60, /* an address is not used in its last seconds */
};

/* All strings are borrowed until hubfile_free(). */
struct hubfile_identity {
	enum repo_type type;
	const char *repo;
	const char *commit;
	const char *path;
	const char *digest; /* what X-Linked-ETag must say */
	uint64_t size;      /* > 0 */
};

struct hubfile *hubfile_new(struct hub *hub, const struct hubfile_identity *identity);
void hubfile_free(struct hubfile **file); /* when no request is under way */

/* Is there an address that several may use? */
bool hubfile_is_resolved(const struct hubfile *file);

/* Does one more request make sense now? Not while another is still on its way to the address.
 */
bool hubfile_has_room(const struct hubfile *file);

struct hubfile_range {
	uint64_t first;
	uint64_t end;    /* > first, <= size */
	unsigned thread; /* of an earlier request, or 0 */

	/* Bytes in order from `first`, on a transfer thread. -1 with `err` fails the request; 1
	 * ends it well: no more are wanted. */
	int (*write)(void *ctx, struct str bytes, struct error *err);
	/* There, now and then and at the end: what was kept back is to be passed on
	 * (fetch.h). -1 as above. */
	int (*flush)(void *ctx, struct error *err);
	/* All bytes up to `end` were written, or no more were wanted (`err` is NULL); or why
	 * not. On the loop, once, also after hubfile_cancel() (ERR_CANCELLED): write
	 * and flush are not called any more. `thread` is for the next request. */
	void (*done)(void *ctx, unsigned thread, const struct error *err);
	void *ctx;
};

/* Never calls `done` before it returns. ERR_URL_EXPIRED: the shared address was refused and is
 * forgotten. ERR_RANGE_IGNORED: the server gives the whole file only. */
struct hubfile_get *hubfile_get(struct hubfile *file, const struct hubfile_range *range);

/* `done` follows soon. */
void hubfile_cancel(struct hubfile_get *get);

#endif
