#include "common/json.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "common/error.h"

/* About what json-c 0.16 allocates: an object with its table of 16 places, an array with room
 * for 32, another value. */
enum {
	OBJECT_WEIGHT = 1000,
	ARRAY_WEIGHT = 400,
	VALUE_WEIGHT = 100,
};

void json_free(struct json_object **object)
{
	if (*object != NULL)
		json_object_put(*object);
	*object = NULL;
}

int json_check_weight(struct str text, size_t bytes_max, struct error *err)
{
	size_t weight = 0;
	bool is_in_string = false;

	for (size_t i = 0; i < text.n && weight <= bytes_max; i++) {
		char c = text.p[i];

		if (is_in_string && c == '\\')
			i++;
		else if (c == '"')
			is_in_string = !is_in_string;
		else if (!is_in_string && c == '{')
			weight += OBJECT_WEIGHT;
		else if (!is_in_string && c == '[')
			weight += ARRAY_WEIGHT;
		else if (!is_in_string && c == ',')
			weight += VALUE_WEIGHT;
	}
	if (weight > bytes_max)
		return error_set(err, ERR_TOO_LARGE, "the JSON holds too many values");
	return 0;
}

int json_parse(struct str text, int depth_max, struct json_object **ret, struct error *err)
{
	struct json_tokener *tokener;
	struct json_object *object;
	enum json_tokener_error reason;

	if (text.n == 0 || text.n > INT_MAX - 1)
		return error_set(err, ERR_BAD_REQUEST,
				 text.n == 0 ? "no JSON: it is empty" : "too long");
	/* json-c would stop at a NUL and call what stands before it whole; and it takes
	 * overlong sequences and surrogates for UTF-8. */
	if (!str_is_utf8(text))
		return error_set(err, ERR_BAD_REQUEST,
				 "not JSON: not UTF-8, or there is a NUL in it");
	tokener = json_tokener_new_ex(depth_max);
	if (tokener == NULL)
		return error_set(err, ERR_INTERNAL, "no JSON parser");
	json_tokener_set_flags(tokener, JSON_TOKENER_STRICT | JSON_TOKENER_VALIDATE_UTF8);
	object = json_tokener_parse_ex(tokener, text.p, (int)text.n);
	reason = json_tokener_get_error(tokener);
	/* A number at the very end is only known to be whole when something follows it. */
	if (reason == json_tokener_continue) {
		object = json_tokener_parse_ex(tokener, "", 1);
		reason = json_tokener_get_error(tokener);
	}
	json_tokener_free(tokener);
	if (reason != json_tokener_success) {
		json_free(&object);
		return error_set(err, ERR_BAD_REQUEST, "not JSON: %s",
				 json_tokener_error_desc(reason));
	}
	*ret = object;
	return 0;
}

struct str json_text(struct json_object *object)
{
	size_t len = 0;
	const char *text = json_object_to_json_string_length(
		object, JSON_C_TO_STRING_PLAIN | JSON_C_TO_STRING_NOSLASHESCAPE, &len);

	return (struct str){ .p = text, .n = len };
}

struct json_object *json_get(struct json_object *object, const char *name)
{
	struct json_object *value = NULL;

	if (!json_object_is_type(object, json_type_object))
		return NULL;
	(void)json_object_object_get_ex(object, name, &value);
	return value;
}

static struct str string_of(struct json_object *value)
{
	if (!json_object_is_type(value, json_type_string))
		return (struct str){ .p = NULL, .n = 0 };
	return (struct str){ .p = json_object_get_string(value),
			     .n = (size_t)json_object_get_string_len(value) };
}

struct str json_get_str(struct json_object *object, const char *name)
{
	return string_of(json_get(object, name));
}

int64_t json_get_int(struct json_object *object, const char *name, int64_t otherwise)
{
	struct json_object *value = json_get(object, name);

	return json_object_is_type(value, json_type_int) ? json_object_get_int64(value)
							 : otherwise;
}

bool json_is_true(struct json_object *object, const char *name)
{
	struct json_object *value = json_get(object, name);

	return json_object_is_type(value, json_type_boolean) && json_object_get_boolean(value);
}

void json_take(struct json_object *object, const char *name, struct json_object *take_value)
{
	(void)json_object_object_add(object, name, take_value);
}

void json_add_str(struct json_object *object, const char *name, struct str value)
{
	json_take(object, name,
		  json_object_new_string_len(value.n > 0 ? value.p : "", (int)value.n));
}

void json_add_cstr(struct json_object *object, const char *name, const char *value)
{
	json_take(object, name, value != NULL ? json_object_new_string(value) : NULL);
}

void json_add_u64(struct json_object *object, const char *name, uint64_t value)
{
	json_take(object, name, json_object_new_uint64(value));
}

void json_add_int(struct json_object *object, const char *name, int64_t value)
{
	json_take(object, name, json_object_new_int64(value));
}

void json_add_bool(struct json_object *object, const char *name, bool value)
{
	json_take(object, name, json_object_new_boolean(value));
}

void json_add_time(struct json_object *object, const char *name, int64_t unix_ms)
{
	time_t seconds = (time_t)(unix_ms / 1000);
	char date[32] = "";
	char text[48];
	struct tm utc;

	if (unix_ms <= 0 || gmtime_r(&seconds, &utc) == NULL) {
		json_take(object, name, NULL);
		return;
	}
	(void)strftime(date, sizeof(date), "%Y-%m-%dT%H:%M:%S", &utc);
	(void)snprintf(text, sizeof(text), "%s.%03dZ", date, (int)(unix_ms % 1000));
	json_add_cstr(object, name, text);
}

static int check_text(struct json_object *value, const struct json_field *field,
		      const char *label, struct error *err)
{
	struct str text = string_of(value);

	if (!json_object_is_type(value, json_type_string))
		return error_set_field(err, label, "%s must be a string", label);
	if ((int64_t)text.n < field->min)
		return error_set_field(err, label, "%s must not be empty", label);
	if ((int64_t)text.n > field->max)
		return error_set_field(err, label,
				       "%s is too long: %zu bytes, %lld are allowed", label,
				       text.n, (long long)field->max);
	if (!str_is_utf8(text))
		return error_set_field(err, label, "%s must be UTF-8 text without a NUL",
				       label);
	return 0;
}

static int check_int(struct json_object *value, const struct json_field *field,
		     const char *label, struct error *err)
{
	int64_t number;

	if (!json_object_is_type(value, json_type_int))
		return error_set_field(err, label, "%s must be a whole number", label);
	number = json_object_get_int64(value);
	if (number < field->min || number > field->max)
		return error_set_field(err, label, "%s must be between %lld and %lld", label,
				       (long long)field->min, (long long)field->max);
	return 0;
}

static int check_bool(struct json_object *value, const char *label, struct error *err)
{
	if (!json_object_is_type(value, json_type_boolean))
		return error_set_field(err, label, "%s must be true or false", label);
	return 0;
}

static int check_members(struct json_object *object, const struct json_field *fields, size_t n,
			 const char *within, struct error *err);

static int check_item(struct json_object *value, const struct json_field *field,
		      const char *label, struct error *err)
{
	AUTO_CSTR within = NULL;

	if (field->kind == JSON_KIND_TEXTS)
		return check_text(value, field, label, err);
	if (field->kind == JSON_KIND_INTS)
		return check_int(value, field, label, err);
	if (!json_object_is_type(value, json_type_object))
		return error_set_field(err, label, "%s must be an object", label);
	within = mem_printf("%s.", label);
	return check_members(value, field->members, field->n_members, within, err);
}

static int check_list(struct json_object *value, const struct json_field *field,
		      const char *label, struct error *err)
{
	static const char *const items[JSON_KIND_COUNT] = {
		[JSON_KIND_TEXTS] = "strings",
		[JSON_KIND_INTS] = "whole numbers",
		[JSON_KIND_OBJECTS] = "objects",
	};
	size_t n;

	if (!json_object_is_type(value, json_type_array))
		return error_set_field(err, label, "%s must be a list of %s", label,
				       items[field->kind]);
	n = json_object_array_length(value);
	if (n > field->items_max)
		return error_set_field(err, label, "%s has %zu items, %zu are allowed", label,
				       n, field->items_max);
	for (size_t i = 0; i < n; i++) {
		AUTO_CSTR item = mem_printf("%s[%zu]", label, i);

		if (check_item(json_object_array_get_idx(value, i), field, item, err) < 0)
			return -1;
	}
	return 0;
}

static int check_field(struct json_object *value, const struct json_field *field,
		       const char *label, struct error *err)
{
	switch (field->kind) {
	case JSON_KIND_TEXT:
		return check_text(value, field, label, err);
	case JSON_KIND_INT:
		return check_int(value, field, label, err);
	case JSON_KIND_BOOL:
		return check_bool(value, label, err);
	case JSON_KIND_TEXTS:
	case JSON_KIND_INTS:
	case JSON_KIND_OBJECTS:
		return check_list(value, field, label, err);
	case JSON_KIND_COUNT:
		break;
	}
	bug("a kind without a check");
}

/* `within` stands before the names of the members: "" or "schedule[2].". It goes as deep as the
 * tables of fields do, whatever the input. */
static int check_members(struct json_object *object, const struct json_field *fields, size_t n,
			 const char *within, struct error *err)
{
	json_object_object_foreach(object, name, value)
	{
		AUTO_CSTR label = mem_printf("%s%s", within, name);
		size_t i = 0;

		while (i < n && strcmp(fields[i].name, name) != 0)
			i++;
		if (i == n)
			return error_set_field(err, label, "\"%s\" is not known here", label);
		if (value == NULL && !fields[i].is_required)
			continue;
		if (check_field(value, &fields[i], label, err) < 0)
			return -1;
	}
	for (size_t i = 0; i < n; i++) {
		AUTO_CSTR label = mem_printf("%s%s", within, fields[i].name);

		if (fields[i].is_required && json_get(object, fields[i].name) == NULL)
			return error_set_field(err, label, "%s is missing", label);
	}
	return 0;
}

int json_check(struct json_object *object, const struct json_field *fields, size_t n,
	       struct error *err)
{
	if (!json_object_is_type(object, json_type_object))
		return error_set(err, ERR_BAD_REQUEST, "it must be a JSON object");
	return check_members(object, fields, n, "", err);
}
