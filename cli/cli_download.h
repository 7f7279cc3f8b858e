/*
 * One download, as larderd tells it in JSON (DESIGN.md 4.1), in words: its name, its phase, how
 * far it is; and which one a person means by a part of an id.
 *
 * All text that is appended is escaped. Pure. Any thread.
 */
#ifndef CLI_CLI_DOWNLOAD_H
#define CLI_CLI_DOWNLOAD_H

#include "common/json.h"

struct buf;
struct error;

enum {
	CLI_ID_MIN = 4,   /* characters that are enough to mean a download */
	CLI_ID_SHOWN = 6, /* at least so many are shown, so that they still do tomorrow */
	CLI_WORDS_MAX = 16 * 1024, /* cap of a buf for what is appended here */
};

/* How much may be said of a phase. */
enum cli_phase {
	CLI_PHASE_SHORT, /* "waiting" */
	CLI_PHASE_LONG,  /* "waiting 25 s: the hub answered 429" */
};

bool cli_download_is_state(struct json_object *download, const char *state);
bool cli_download_is_final(struct json_object *download);

/* Something goes on with it, or would but for a hindrance: neither final nor in line. */
bool cli_download_is_busy(struct json_object *download);

/* "owner/name Q4_K_M", "owner/name@v1.0 Q4_K_M without *.md", "dataset owner/name". */
void cli_download_add_name(struct buf *b, struct json_object *download);

/* The select terms, then the exclude terms. */
void cli_download_add_terms(struct buf *b, struct json_object *download);

/* The strings of an array, with commas. */
void cli_download_add_words(struct buf *b, struct json_object *array);

/* The phase, in words; waits are counted from `now_ms` (unix). */
void cli_download_add_phase(struct buf *b, struct json_object *download, enum cli_phase how,
			    int64_t now_ms);

/* Why it waits or has failed, without the repository's name before it; or nothing. */
void cli_download_add_reason(struct buf *b, struct json_object *download);

/* Seconds from start to end; -1 when it has not both. */
int64_t cli_download_took_s(struct json_object *download);

/* 0..100, 100 only when nothing is missing; -1 while the total is not known. */
int cli_percent(uint64_t done, uint64_t total);

/* An integer member that cannot be negative. */
uint64_t cli_download_number(struct json_object *download, const char *name);

/* The fewest characters, from CLI_ID_SHOWN up, that tell all ids of the array apart. */
size_t cli_download_id_len(struct json_object *downloads);

/* The one download of the array whose id begins with `part` (borrowed), or NULL:
 * ERR_UNKNOWN_DOWNLOAD, or ERR_INVALID when it is too short or means several. */
struct json_object *cli_download_find(struct json_object *downloads, struct str part,
				      struct error *err);

#endif
