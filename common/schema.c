#include "common/schema.h"

#include "common/error.h"
#include "common/ids.h"

#define FIELD_REPO(required)                                                                 \
	{                                                                                    \
		.name = "repo", .kind = JSON_KIND_TEXT, .is_required = (required), .min = 1, \
		.max = SCHEMA_REPO_MAX                                                       \
	}
#define FIELD_TERMS(field_name)                                          \
	{                                                                \
		.name = (field_name), .kind = JSON_KIND_TEXTS, .min = 1, \
		.max = SCHEMA_TERM_MAX, .items_max = SCHEMA_TERMS_MAX    \
	}
#define FIELD_ID                                                                               \
	{                                                                                      \
		.name = "id", .kind = JSON_KIND_TEXT, .is_required = true, .min = 1, .max = 64 \
	}
#define FIELD_PRIORITY(required)                                                      \
	{                                                                             \
		.name = "priority", .kind = JSON_KIND_INT, .is_required = (required), \
		.min = -SCHEMA_PRIORITY_MAX, .max = SCHEMA_PRIORITY_MAX               \
	}

/* What says which model is meant. */
#define FIELDS_FOLDER                                                                     \
	{ .name = "folder",                                                               \
	  .kind = JSON_KIND_TEXT,                                                         \
	  .is_required = true,                                                            \
	  .min = 1,                                                                       \
	  .max = SCHEMA_FOLDER_MAX },                                                     \
	{                                                                                 \
		.name = "revision", .kind = JSON_KIND_TEXT, .min = 1, .max = REVISION_MAX \
	}

/* What both a preview and a download are asked with. */
#define FIELDS_CHOICE(required)                                                                \
	FIELD_REPO(required), { .name = "type", .kind = JSON_KIND_TEXT, .min = 1, .max = 16 }, \
		{ .name = "revision", .kind = JSON_KIND_TEXT, .min = 1, .max = REVISION_MAX }, \
		{ .name = "commit",                                                            \
		  .kind = JSON_KIND_TEXT,                                                      \
		  .min = COMMIT_LEN,                                                           \
		  .max = COMMIT_LEN },                                                         \
		FIELD_TERMS("select"), FIELD_TERMS("exclude")

static const struct json_field preview_fields[] = { FIELDS_CHOICE(true) };
/* With `preview` nothing of a choice, else `repo`: ops_downloads.c sees to that. */
static const struct json_field create_fields[] = {
	FIELDS_CHOICE(false),
	FIELD_PRIORITY(false),
	{ .name = "preview",
	  .kind = JSON_KIND_TEXT,
	  .min = DOWNLOAD_ID_LEN,
	  .max = DOWNLOAD_ID_LEN },
};
static const struct json_field doctor_fields[] = { FIELD_REPO(false) };
static const struct json_field hub_model_fields[] = {
	FIELD_REPO(true),
	{ .name = "type", .kind = JSON_KIND_TEXT, .min = 1, .max = 16 },
};
static const struct json_field paste_fields[] = {
	{ .name = "text",
	  .kind = JSON_KIND_TEXT,
	  .is_required = true,
	  .min = 1,
	  .max = SCHEMA_PASTE_MAX },
};
static const struct json_field fit_fields[] = {
	FIELD_ID,
	{ .name = "context", .kind = JSON_KIND_INT, .min = 1, .max = SCHEMA_CONTEXT_MAX },
};
static const struct json_field id_fields[] = { FIELD_ID };
static const struct json_field patch_fields[] = { FIELD_ID, FIELD_PRIORITY(true) };
static const struct json_field list_fields[] = {
	{ .name = "state", .kind = JSON_KIND_TEXT, .min = 1, .max = 16 },
	{ .name = "limit", .kind = JSON_KIND_INT, .min = 1, .max = SCHEMA_PAGE_MAX },
	{ .name = "cursor", .kind = JSON_KIND_TEXT, .min = 1, .max = 64 },
};
static const struct json_field models_fields[] = {
	{ .name = "q", .kind = JSON_KIND_TEXT, .min = 1, .max = SCHEMA_QUERY_MAX },
	{ .name = "sort", .kind = JSON_KIND_TEXT, .min = 1, .max = 16 },
	{ .name = "state", .kind = JSON_KIND_TEXT, .min = 1, .max = 16 },
	{ .name = "format", .kind = JSON_KIND_TEXT, .min = 1, .max = 16 },
	{ .name = "quant", .kind = JSON_KIND_TEXT, .min = 1, .max = 32 },
	{ .name = "limit", .kind = JSON_KIND_INT, .min = 1, .max = SCHEMA_PAGE_MAX },
	{ .name = "cursor", .kind = JSON_KIND_TEXT, .min = 1, .max = SCHEMA_FOLDER_MAX + 24 },
};
static const struct json_field search_fields[] = {
	{ .name = "q", .kind = JSON_KIND_TEXT, .min = 1, .max = SCHEMA_QUERY_MAX },
	{ .name = "type", .kind = JSON_KIND_TEXT, .min = 1, .max = 16 },
	{ .name = "author", .kind = JSON_KIND_TEXT, .min = 1, .max = REPO_PART_MAX },
	{ .name = "task", .kind = JSON_KIND_TEXT, .min = 1, .max = SCHEMA_WORD_MAX },
	{ .name = "tags", .kind = JSON_KIND_TEXT, .min = 1, .max = SCHEMA_QUERY_MAX },
	{ .name = "format", .kind = JSON_KIND_TEXT, .min = 1, .max = 16 },
	{ .name = "min_parameters", .kind = JSON_KIND_INT, .min = 0, .max = INT64_MAX },
	{ .name = "max_parameters", .kind = JSON_KIND_INT, .min = 0, .max = INT64_MAX },
	{ .name = "sort", .kind = JSON_KIND_TEXT, .min = 1, .max = 16 },
	{ .name = "limit", .kind = JSON_KIND_INT, .min = 1, .max = SCHEMA_ROWS_MAX },
	{ .name = "cursor", .kind = JSON_KIND_TEXT, .min = 1, .max = SCHEMA_CURSOR_MAX },
};
static const struct json_field model_fields[] = {
	FIELDS_FOLDER,
	{ .name = "context", .kind = JSON_KIND_INT, .min = 1, .max = SCHEMA_CONTEXT_MAX },
};
static const struct json_field delete_fields[] = {
	FIELDS_FOLDER,
	{ .name = "group", .kind = JSON_KIND_TEXT, .min = 1, .max = 256 },
};
static const struct json_field job_fields[] = {
	FIELDS_FOLDER,
	FIELD_PRIORITY(false),
};
static const struct json_field check_fields[] = {
	FIELDS_FOLDER,
};
static const struct json_field restore_fields[] = {
	FIELD_ID,
	{ .name = "replace", .kind = JSON_KIND_BOOL },
};
static const struct json_field session_fields[] = {
	{ .name = "id",
	  .kind = JSON_KIND_TEXT,
	  .is_required = true,
	  .min = SCHEMA_SESSION_ID_LEN,
	  .max = SCHEMA_SESSION_ID_LEN },
	{ .name = "expires",
	  .kind = JSON_KIND_INT,
	  .is_required = true,
	  .min = 0,
	  .max = INT64_MAX },
};
static const struct json_field token_fields[] = {
	{ .name = "token",
	  .kind = JSON_KIND_TEXT,
	  .is_required = true,
	  .min = 1,
	  .max = SCHEMA_TOKEN_MAX },
};
static const struct json_field audit_fields[] = {
	{ .name = "limit", .kind = JSON_KIND_INT, .min = 1, .max = SCHEMA_PAGE_MAX },
	{ .name = "cursor", .kind = JSON_KIND_INT, .min = 1, .max = INT64_MAX },
};
static const struct json_field note_fields[] = {
	{ .name = "action",
	  .kind = JSON_KIND_TEXT,
	  .is_required = true,
	  .min = 1,
	  .max = SCHEMA_WORD_MAX },
	{ .name = "outcome",
	  .kind = JSON_KIND_TEXT,
	  .is_required = true,
	  .min = 1,
	  .max = SCHEMA_WORD_MAX },
};
static const struct json_field changes_fields[] = {
	{ .name = "since", .kind = JSON_KIND_TEXT, .min = 1, .max = 64 },
};

#define FIELD_INT(field_name, least, most)                                                 \
	{                                                                                  \
		.name = (field_name), .kind = JSON_KIND_INT, .min = (least), .max = (most) \
	}
#define FIELD_BOOL(field_name)                               \
	{                                                    \
		.name = (field_name), .kind = JSON_KIND_BOOL \
	}
#define FIELD_WORD(field_name)                                                               \
	{                                                                                    \
		.name = (field_name), .kind = JSON_KIND_TEXT, .is_required = true, .min = 1, \
		.max = 16                                                                    \
	}

static const struct json_field entry_fields[] = {
	{ .name = "days",
	  .kind = JSON_KIND_TEXTS,
	  .is_required = true,
	  .min = 1,
	  .max = 16,
	  .items_max = 7 },
	FIELD_WORD("from"),
	FIELD_WORD("to"),
	FIELD_WORD("action"),
	FIELD_INT("bandwidth_limit", 1, SCHEMA_LIMIT_MAX),
};
static const struct json_field settings_fields[] = {
	FIELD_BOOL("paused"),
	FIELD_INT("bandwidth_limit", 0, SCHEMA_LIMIT_MAX),
	FIELD_BOOL("slow"),
	FIELD_INT("slow_limit", 1, SCHEMA_LIMIT_MAX),
	FIELD_INT("max_downloads", 1, SCHEMA_DOWNLOADS_MAX),
	FIELD_INT("max_connections", 1, SCHEMA_CONNECTIONS_MAX),
	{ .name = "gpu_memory",
	  .kind = JSON_KIND_INTS,
	  .min = SCHEMA_GPU_MIN,
	  .max = SCHEMA_GPU_MAX,
	  .items_max = SCHEMA_GPUS_MAX },
	{ .name = "schedule",
	  .kind = JSON_KIND_OBJECTS,
	  .items_max = SCHEMA_SCHEDULE_MAX,
	  .members = entry_fields,
	  .n_members = ARRAY_LEN(entry_fields) },
};

#define METHOD(method_name, method_fields)                        \
	{                                                         \
		.name = (method_name), .fields = (method_fields), \
		.n = ARRAY_LEN(method_fields)                     \
	}

static const struct {
	const char *name;
	const struct json_field *fields;
	size_t n;
} methods[] = {
	METHOD("preview.make", preview_fields),
	METHOD("download.create", create_fields),
	METHOD("preview.fit", fit_fields),
	METHOD("paste.read", paste_fields),
	METHOD("download.list", list_fields),
	METHOD("download.get", id_fields),
	METHOD("download.patch", patch_fields),
	METHOD("download.pause", id_fields),
	METHOD("download.resume", id_fields),
	METHOD("download.cancel", id_fields),
	METHOD("download.retry", id_fields),
	METHOD("download.forget", id_fields),
	METHOD("event.changes", changes_fields),
	{ .name = "library.scan" },
	METHOD("audit.list", audit_fields),
	METHOD("audit.note", note_fields),
	{ .name = "backup.make" },
	METHOD("doctor.examine", doctor_fields),
	METHOD("hub.model", hub_model_fields),
	METHOD("hub.search", search_fields),
	{ .name = "token.get" },
	METHOD("token.set", token_fields),
	{ .name = "token.forget" },
	METHOD("model.list", models_fields),
	METHOD("model.get", model_fields),
	METHOD("model.delete", delete_fields),
	METHOD("model.check", check_fields),
	METHOD("model.repair", job_fields),
	METHOD("model.update", job_fields),
	METHOD("model.verify", job_fields),
	{ .name = "scrub.get" },
	{ .name = "scrub.start" },
	{ .name = "scrub.stop" },
	{ .name = "trash.list" },
	METHOD("trash.restore", restore_fields),
	METHOD("trash.empty", id_fields),
	{ .name = "session.rules" },
	{ .name = "session.revoke" },
	METHOD("session.end", session_fields),
	{ .name = "settings.get" },
	METHOD("settings.patch", settings_fields),
	{ .name = "system.health" },
	{ .name = "system.live" },
	{ .name = "system.metrics" },
	{ .name = "system.status" },
};

int schema_check(struct str method, struct json_object *params, struct error *err)
{
	for (size_t i = 0; i < ARRAY_LEN(methods); i++) {
		AUTO_JSON empty = NULL;

		if (!str_is_equal(method, str_from(methods[i].name)))
			continue;
		if (params == NULL)
			empty = json_object_new_object();
		return json_check(params != NULL ? params : empty, methods[i].fields,
				  methods[i].n, err);
	}
	return error_set(err, ERR_UNKNOWN_METHOD, "there is no such method");
}
