/*
 * JSON values through json-c, with the checks that input from outside needs: size, depth, valid
 * UTF-8, no NUL inside a string, no member that nobody asked for.
 *
 * A json-c value belongs to whoever holds its reference; AUTO_JSON drops it at the end of the
 * scope. Values are not shared between threads at the same time.
 */
#ifndef COMMON_JSON_H
#define COMMON_JSON_H

#include <json-c/json.h>

#include "common/base.h"

struct error;

#define AUTO_JSON __attribute__((cleanup(json_free))) struct json_object *

void json_free(struct json_object **object);

/* Parses one whole value. ERR_BAD_REQUEST with a sentence when it is not JSON or too deep. */
int json_parse(struct str text, int depth_max, struct json_object **ret,
	       struct error *err) MUST_USE;

/* 0 when the value would take at most about `bytes_max` of memory once parsed, estimated from
 * the text: "[{},{},...]" takes hundreds of times its length. -1 with ERR_TOO_LARGE. To be
 * asked before json_parse() of what strangers send. */
int json_check_weight(struct str text, size_t bytes_max, struct error *err) MUST_USE;

/* Compact text without a line break, borrowed until the object changes. */
struct str json_text(struct json_object *object);

/* Members of `object`, with the value of absence: an empty view, `otherwise`, NULL. */
struct str json_get_str(struct json_object *object, const char *name);
int64_t json_get_int(struct json_object *object, const char *name, int64_t otherwise);
bool json_is_true(struct json_object *object, const char *name);
struct json_object *json_get(struct json_object *object, const char *name); /* borrowed */

/* Adds a member. A NULL C string becomes null. */
void json_add_str(struct json_object *object, const char *name, struct str value);
void json_add_cstr(struct json_object *object, const char *name, const char *value);
void json_add_u64(struct json_object *object, const char *name, uint64_t value);
void json_add_int(struct json_object *object, const char *name, int64_t value);
void json_add_bool(struct json_object *object, const char *name, bool value);
void json_take(struct json_object *object, const char *name, struct json_object *take_value);
/* RFC 3339 UTC with milliseconds from unix milliseconds; 0 becomes null. */
void json_add_time(struct json_object *object, const char *name, int64_t unix_ms);

/* --- what an object may hold --- */

enum json_kind {
	JSON_KIND_TEXT,    /* a string of min..max bytes */
	JSON_KIND_INT,     /* an integer of min..max */
	JSON_KIND_BOOL,    /* true or false */
	JSON_KIND_TEXTS,   /* an array of at most `items_max` strings of min..max bytes each */
	JSON_KIND_INTS,    /* an array of at most `items_max` integers of min..max */
	JSON_KIND_OBJECTS, /* an array of at most `items_max` objects, each with `members` */
	JSON_KIND_COUNT,
};

struct json_field {
	const char *name;
	enum json_kind kind;
	bool is_required;
	int64_t min;
	int64_t max;
	size_t items_max;
	const struct json_field *members;
	size_t n_members;
};

/* 0 when `object` is an object, has every required member, and no other than these with their
 * kinds and limits. A member that is null counts as absent. Else -1: ERR_INVALID with the
 * field ("select[3]", "schedule[2].from"), or ERR_BAD_REQUEST when it is not an object. */
int json_check(struct json_object *object, const struct json_field *fields, size_t n,
	       struct error *err) MUST_USE;

#endif
