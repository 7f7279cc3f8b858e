#include "common/config.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/buf.h"
#include "common/error.h"
#include "common/folder.h"
#include "common/nearest.h"
#include "common/quote.h"
#include "common/schema.h"

enum kind {
	KIND_PATH,    /* an absolute path, or one that is made absolute against the working
			 directory */
	KIND_COMMAND, /* an absolute path, or empty */
	KIND_BASE,    /* a URL path prefix */
	KIND_URL,     /* http or https; looked at more closely by the Hub client */
	KIND_SECRET,  /* text that is never printed; also NAME_FILE, or a credential */
	KIND_HEADER,  /* the name of a header */
	KIND_HOSTS,   /* names of hosts, with commas between */
	KIND_USER,    /* the name of a user of this system */
	KIND_SWITCH,  /* 1 on true yes, 0 off false no, as the official client reads them */
	KIND_INTEGER,
	KIND_SIZE,     /* bytes, with K M G T meaning powers of 1024 */
	KIND_SIZES,    /* sizes, with commas between; kept in bytes */
	KIND_DURATION, /* seconds, with m h d meaning minutes, hours, days */
	KIND_CHOICE,
};

enum {
	SECRET_FILE_MAX = 16 * 1024,
	SIZES_MAX = 512, /* bytes of a list of sizes */
	CHOICES_MAX = 5
};

struct row {
	const char *name;
	enum kind kind;
	size_t offset;
	const char *otherwise; /* the default, as one would write it */
	uint64_t min;
	uint64_t max;
	const char *choices[CHOICES_MAX];
	const char *help;
};

#define AT(member) .offset = offsetof(struct config, member)

static const struct row rows[] = {
	{ "LARDER_MODELS_DIR", KIND_PATH, AT(models_dir), .otherwise = "/var/lib/larder/models",
	  .help = "where the models are kept" },
	{ "LARDER_STATE_DIR", KIND_PATH, AT(state_dir), .otherwise = "/var/lib/larder/state",
	  .help = "where the database is kept; a local file system, not a network share" },
	{ "LARDER_RUNTIME_DIR", KIND_PATH, AT(runtime_dir), .otherwise = "/run/larder",
	  .help = "where the three sockets are made" },
	{ "LARDER_BASE_PATH", KIND_BASE, AT(base_path), .otherwise = "",
	  .help = "the path under which the web server serves Larder, like /hf; empty for /" },
	{ "HF_ENDPOINT", KIND_URL, AT(hf_endpoint), .otherwise = "https://huggingface.co",
	  .help = "the Hub, or a mirror of it" },
	{ "HF_TOKEN", KIND_SECRET, AT(hf_token), .otherwise = "",
	  .help = "a Hub token, for gated and private repositories and higher limits" },
	{ "LARDER_OFFLINE", KIND_SWITCH, AT(is_offline), .otherwise = "off",
	  .help = "on: never contact the Hub" },
	{ "LARDER_MAX_DOWNLOADS", KIND_INTEGER, AT(max_downloads), .otherwise = "3", .min = 1,
	  .max = SCHEMA_DOWNLOADS_MAX, .help = "downloads that run at the same time" },
	{ "LARDER_MAX_CONNECTIONS", KIND_INTEGER, AT(max_connections), .otherwise = "16",
	  .min = 1, .max = SCHEMA_CONNECTIONS_MAX,
	  .help = "connections of all downloads together" },
	{ "LARDER_MAX_CONNECTIONS_PER_FILE", KIND_INTEGER, AT(max_connections_per_file),
	  .otherwise = "8", .min = 1, .max = 64, .help = "of these, for one file" },
	{ "LARDER_BANDWIDTH_LIMIT", KIND_SIZE, AT(bandwidth_limit_bps), .otherwise = "0",
	  .min = 0, .max = SCHEMA_LIMIT_MAX,
	  .help = "bytes a second of all downloads together, like 500K or 20M; 0: no limit" },
	{ "LARDER_TRANSFER_THREADS", KIND_INTEGER, AT(transfer_threads), .otherwise = "0",
	  .min = 0, .max = 32,
	  .help = "threads that move bytes; 0: one per core, four at most" },
	{ "LARDER_MIN_FREE", KIND_SIZE, AT(min_free_bytes), .otherwise = "1G", .min = 0,
	  .max = UINT64_MAX / 2,
	  .help = "free space that downloads leave alone on each disk, like 500M or 20G" },
	{ "LARDER_SCAN_INTERVAL", KIND_DURATION, AT(scan_interval_s), .otherwise = "15m",
	  .min = 0, .max = 365 * 24 * 60 * 60,
	  .help = "how long after a look at the models on the disk the next begins, like 15m "
		  "or "
		  "6h; 0: only when asked" },
	{ "LARDER_SCRUB_INTERVAL", KIND_DURATION, AT(scrub_interval_s), .otherwise = "30d",
	  .min = 0, .max = 10 * 365 * 24 * 60 * 60,
	  .help = "how long after a scrub, which hashes the whole library again, the next "
		  "begins; 0: only when asked" },
	{ "LARDER_VERIFY_LIMIT", KIND_SIZE, AT(verify_limit_bps), .otherwise = "0", .min = 0,
	  .max = SCHEMA_LIMIT_MAX,
	  .help = "bytes a second that a verification or scrub reads, like 50M; it never takes "
		  "more than half of the disk's time; 0: no other limit" },
	{ "LARDER_CHECK_INTERVAL", KIND_DURATION, AT(check_interval_s), .otherwise = "0",
	  .min = 0, .max = 10 * 365 * 24 * 60 * 60,
	  .help = "how often the Hub is asked whether there is something newer than the "
		  "models here, like 1d; 0: only when asked" },
	{ "LARDER_TRASH_DAYS", KIND_INTEGER, AT(trash_days), .otherwise = "30", .min = 0,
	  .max = 3650,
	  .help = "days until what was deleted or replaced goes for good; 0: when asked" },
	{ "LARDER_GPU_MEMORY", KIND_SIZES, AT(gpu_memory), .otherwise = "",
	  .min = (uint64_t)SCHEMA_GPU_MIN, .max = (uint64_t)SCHEMA_GPU_MAX,
	  .help = "memory of each graphics card that models are to run on, like 24G,8G; 0: "
		  "none; empty: as the kernel tells it, which NVIDIA's driver does not" },
	{ "LARDER_AUTH", KIND_CHOICE, AT(auth), .otherwise = "none",
	  .choices = { "none", "password", "proxy" },
	  .help = "who may come in: everybody, who has signed in, or whom the web server "
		  "names" },
	{ "LARDER_ALLOW_ANYONE", KIND_SWITCH, AT(allows_anyone), .otherwise = "off",
	  .help = "on: with none, also who comes from another machine may do everything" },
	{ "LARDER_PASSWORD_HASH", KIND_SECRET, AT(password_hash), .otherwise = "",
	  .help = "with password: what `larder hash-password` makes of it" },
	{ "LARDER_SESSION_TIME", KIND_DURATION, AT(session_s), .otherwise = "30d", .min = 60,
	  .max = UINT64_C(365) * 86400, .help = "after which one must sign in again" },
	{ "LARDER_HOSTS", KIND_HOSTS, AT(hosts), .otherwise = "",
	  .help = "names by which the server may be called, with commas between, *.name for "
		  "all below one, * for any; besides addresses, localhost, names without a "
		  "dot, "
		  "and .local .lan .home.arpa .internal" },
	{ "LARDER_RATE_LIMIT", KIND_INTEGER, AT(rate_limit), .otherwise = "6000", .min = 0,
	  .max = 1000000,
	  .help = "requests a minute that one user, key or address may make, and a fiftieth "
		  "of it that ask the Hub; 0: no limit" },
	{ "LARDER_API_KEYS", KIND_SECRET, AT(api_keys), .otherwise = "",
	  .help = "keys for scripts, as name:role:hash with commas between; the role is "
		  "viewer, "
		  "operator or admin, the hash the key's SHA-256" },
	{ "LARDER_TRUSTED_USER_HEADER", KIND_HEADER, AT(user_header),
	  .otherwise = "Remote-User",
	  .help = "with proxy: the header in which the web server names the user; the site "
		  "files "
		  "take Remote-User away from who sends it, another name is yours to take "
		  "away" },
	{ "LARDER_EVENT_CLIENTS", KIND_INTEGER, AT(event_clients), .otherwise = "8192",
	  .min = 1, .max = 65536, .help = "event streams at the same time" },
	{ "LARDER_EVENT_CLIENTS_EACH", KIND_INTEGER, AT(event_clients_each), .otherwise = "64",
	  .min = 1, .max = 65536,
	  .help = "of these, of one user or key, or of one address that needs none" },
	{ "LARDER_FCGI_THREADS", KIND_INTEGER, AT(fcgi_threads), .otherwise = "8", .min = 1,
	  .max = 256, .help = "requests that larder-fcgi answers at the same time" },
	{ "LARDER_USER", KIND_USER, AT(user), .otherwise = "larder",
	  .help = "the user as whom both programs work when root starts them" },
	{ "LARDER_SANDBOX", KIND_SWITCH, AT(has_sandbox), .otherwise = "on",
	  .help = "on: both programs give up all powers that they do not need (seccomp, "
		  "Landlock); off: for debugging" },
	{ "LARDER_WEBHOOK_URL", KIND_SECRET, AT(webhook_url), .otherwise = "",
	  .help = "what is told, by POST, when a model has arrived, or could not" },
	{ "LARDER_WEBHOOK_FORMAT", KIND_CHOICE, AT(webhook_format), .otherwise = "json",
	  .choices = { "json", "ntfy", "gotify", "discord" },
	  .help = "in whose words: plain JSON (signed), ntfy's (the URL of a topic), Gotify's "
		  "(.../message?token=...), Discord's" },
	{ "LARDER_WEBHOOK_SECRET", KIND_SECRET, AT(webhook_secret), .otherwise = "",
	  .help = "with json: what it is signed with, as Standard Webhooks has it, like "
		  "\"whsec_$(openssl rand -base64 32)\"" },
	{ "LARDER_HOOK_COMMAND", KIND_COMMAND, AT(hook_command), .otherwise = "",
	  .help = "a program that is run then, with what has happened in LARDER_... variables "
		  "and as JSON on its standard input; it may read the models and little else" },
	{ "LARDER_HOOK_TIME", KIND_DURATION, AT(hook_s), .otherwise = "1m", .min = 1,
	  .max = 24 * 60 * 60, .help = "after which it is killed" },
	{ "LARDER_LOG_FORMAT", KIND_CHOICE, AT(log_format), .otherwise = "text",
	  .choices = { "text", "json" }, .help = "for people, or JSON lines for machines" },
	{ "LARDER_LOG_LEVEL", KIND_CHOICE, AT(log_level), .otherwise = "info",
	  .choices = { "error", "warning", "info", "debug" },
	  .help = "the least important lines that are logged" },
};

static char **text_at(struct config *cfg, const struct row *row)
{
	return (char **)(void *)((char *)cfg + row->offset);
}

static uint64_t *number_at(struct config *cfg, const struct row *row)
{
	return (uint64_t *)(void *)((char *)cfg + row->offset);
}

static int bad(struct error *err, const struct row *row, const char *why)
{
	return error_set(err, ERR_INVALID, "%s: %s", row->name, why);
}

static int set_path(struct config *cfg, const struct row *row, struct str value,
		    struct error *err)
{
	size_t n = value.n;
	AUTO_CSTR here = NULL;

	while (n > 1 && value.p[n - 1] == '/')
		n--;
	value = str_sub(value, 0, n);
	if (value.n > 0 && value.p[0] == '/') {
		*text_at(cfg, row) = str_dup(value);
		return 0;
	}
	here = getcwd(NULL, 0);
	if (here == NULL)
		return bad(err, row,
			   "the path is relative, and the working directory is not known");
	*text_at(cfg, row) = mem_printf("%s/%.*s", here, (int)value.n, value.p);
	return 0;
}

/* Letters, digits and `others`. */
static int set_word(struct config *cfg, const struct row *row, struct str value,
		    const char *others, struct error *err)
{
	for (size_t i = 0; i < value.n; i++) {
		if (!char_is_alnum(value.p[i]) && strchr(others, value.p[i]) == NULL)
			return error_set(err, ERR_INVALID,
					 "%s: only letters, digits and %s may stand in it",
					 row->name, others);
	}
	*text_at(cfg, row) = str_dup(value);
	return 0;
}

static int set_base(struct config *cfg, const struct row *row, struct str value,
		    struct error *err)
{
	size_t n = value.n;

	while (n > 0 && value.p[n - 1] == '/')
		n--;
	value = str_sub(value, 0, n);
	if (value.n > 0 && value.p[0] != '/')
		return bad(err, row, "it must begin with /");
	return set_word(cfg, row, value, "-._~/", err);
}

static int set_switch(struct config *cfg, const struct row *row, struct str value,
		      struct error *err)
{
	static const char *const on[] = { "1", "on", "true", "yes" };
	static const char *const off[] = { "0", "off", "false", "no" };
	bool *target = (bool *)(void *)((char *)cfg + row->offset);

	for (size_t i = 0; i < ARRAY_LEN(on); i++) {
		if (str_is_equal_nocase(value, str_from(on[i]))) {
			*target = true;
			return 0;
		}
		if (str_is_equal_nocase(value, str_from(off[i]))) {
			*target = false;
			return 0;
		}
	}
	return bad(err, row, "it must be on or off");
}

static int set_integer(struct config *cfg, const struct row *row, struct str value,
		       struct error *err)
{
	if (str_to_u64(value, row->min, row->max, number_at(cfg, row)) < 0)
		return error_set(err, ERR_INVALID,
				 "%s: it must be a number between %llu and %llu", row->name,
				 (unsigned long long)row->min, (unsigned long long)row->max);
	return 0;
}

static int read_size(const struct row *row, struct str value, uint64_t *ret)
{
	static const char units[] = "kmgt";
	uint64_t unit = 1;
	uint64_t number;
	const char *found;

	if (value.n > 0 && !char_is_digit(value.p[value.n - 1])) {
		found = strchr(units, char_lower(value.p[value.n - 1]));
		if (found == NULL)
			return -1;
		unit = 1ULL << (10 * (found - units + 1));
		value = str_sub(value, 0, value.n - 1);
	}
	if (str_to_u64(value, 0, row->max / unit, &number) < 0 || number * unit < row->min)
		return -1;
	*ret = number * unit;
	return 0;
}

static int set_size(struct config *cfg, const struct row *row, struct str value,
		    struct error *err)
{
	if (read_size(row, value, number_at(cfg, row)) < 0)
		return bad(err, row, "it must be a size, like 500M or 20G");
	return 0;
}

static int set_sizes(struct config *cfg, const struct row *row, struct str value,
		     struct error *err)
{
	AUTO(buf) sizes = buf_new(SIZES_MAX);
	struct str part;

	while (value.n > 0 && str_next(&value, ',', &part)) {
		uint64_t bytes = 0;

		part = str_trim(part);
		if (!str_is_equal(part, S("0")) && read_size(row, part, &bytes) < 0)
			return bad(err, row, "it must be 0, or of each card like 24G,8G");
		buf_addf(sizes, "%s%llu", buf_str(sizes).n > 0 ? "," : "",
			 (unsigned long long)bytes);
	}
	if (buf_is_overflown(sizes))
		return bad(err, row, "there are too many");
	*text_at(cfg, row) = str_dup(buf_str(sizes));
	return 0;
}

static int set_duration(struct config *cfg, const struct row *row, struct str value,
			struct error *err)
{
	static const struct {
		char letter;
		uint64_t seconds;
	} units[] = { { 's', 1 }, { 'm', 60 }, { 'h', 60 * 60 }, { 'd', 24 * 60 * 60 } };
	uint64_t seconds = 1;
	uint64_t number;

	for (size_t i = 0; i < ARRAY_LEN(units) && value.n > 0; i++) {
		if (char_lower(value.p[value.n - 1]) != units[i].letter)
			continue;
		seconds = units[i].seconds;
		value = str_trim(str_sub(value, 0, value.n - 1));
		break;
	}
	if (str_to_u64(value, 0, row->max / seconds, &number) < 0 ||
	    number * seconds < row->min)
		return bad(err, row, "it must be a time, like 90s, 15m, 6h or 30d");
	*number_at(cfg, row) = number * seconds;
	return 0;
}

static int set_choice(struct config *cfg, const struct row *row, struct str value,
		      struct error *err)
{
	AUTO(buf) known = buf_new(ERROR_TEXT_MAX);

	for (size_t i = 0; i < CHOICES_MAX && row->choices[i] != NULL; i++) {
		if (str_is_equal_nocase(value, str_from(row->choices[i]))) {
			*number_at(cfg, row) = i;
			return 0;
		}
	}
	for (size_t i = 0; i < CHOICES_MAX && row->choices[i] != NULL; i++)
		buf_addf(known, "%s%s", i > 0 ? ", " : "", row->choices[i]);
	return error_set(err, ERR_INVALID, "%s: it must be one of %s", row->name,
			 buf_cstr(known));
}

static int set_value(struct config *cfg, const struct row *row, struct str value,
		     struct error *err)
{
	switch (row->kind) {
	case KIND_PATH:
		return set_path(cfg, row, value, err);
	case KIND_COMMAND:
		if (value.n > 0 && value.p[0] != '/')
			return bad(err, row, "it must begin with /");
		*text_at(cfg, row) = str_dup(value);
		return 0;
	case KIND_BASE:
		return set_base(cfg, row, value, err);
	case KIND_URL:
		if (!str_has_prefix_nocase(value, S("http://")) &&
		    !str_has_prefix_nocase(value, S("https://")))
			return bad(err, row, "it must begin with https:// or http://");
		*text_at(cfg, row) = str_dup(value);
		return 0;
	case KIND_SECRET:
		for (size_t i = 0; i < value.n; i++) {
			if (value.p[i] < 0x21 || value.p[i] > 0x7e)
				return bad(err, row,
					   "there is a character in it that cannot be right");
		}
		*text_at(cfg, row) = str_dup(value);
		return 0;
	case KIND_HEADER:
		return set_word(cfg, row, value, "-", err);
	case KIND_HOSTS:
		return set_word(cfg, row, value, "-.:,*[] ", err);
	case KIND_USER:
		return set_word(cfg, row, value, "-_.", err);
	case KIND_SWITCH:
		return set_switch(cfg, row, value, err);
	case KIND_INTEGER:
		return set_integer(cfg, row, value, err);
	case KIND_SIZE:
		return set_size(cfg, row, value, err);
	case KIND_SIZES:
		return set_sizes(cfg, row, value, err);
	case KIND_DURATION:
		return set_duration(cfg, row, value, err);
	case KIND_CHOICE:
		return set_choice(cfg, row, value, err);
	}
	bug("a kind without a setter");
}

/* The content of a secret's file, without white space around it: 1, or 0 when there is no such
 * file and there need be none, or -1. */
static int read_secret(const struct row *row, const char *path, bool is_optional, char **ret,
		       struct error *err)
{
	char text[SECRET_FILE_MAX];
	AUTO_FD fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t n = fd < 0 ? -1 : read(fd, text, sizeof(text));

	if (n < 0 && errno == ENOENT && is_optional)
		return 0;
	if (n < 0)
		return error_set_errno(err, ERR_INVALID, "%s_FILE: %s", row->name, path);
	if (n == (ssize_t)sizeof(text))
		return error_set(err, ERR_INVALID, "%s_FILE: %s is too long", row->name, path);
	*ret = str_dup(str_trim((struct str){ .p = text, .n = (size_t)n }));
	return 1;
}

/* HF_TOKEN's is larder.hf_token, LARDER_API_KEYS' larder.api_keys. */
static char *credential_path(const struct row *row, const char *folder)
{
	struct str name = str_from(row->name);
	char *path;

	if (str_has_prefix(name, S("LARDER_")))
		name = str_sub(name, sizeof("LARDER_") - 1, name.n);
	path = mem_printf("%s/larder.%.*s", folder, (int)name.n, name.p);
	for (char *at = path + strlen(folder); *at != '\0'; at++)
		*at = char_lower(*at);
	return path;
}

static void note_folder(struct config *cfg, const char *path)
{
	size_t n = 0;

	while (cfg->secret_folders[n] != NULL)
		n++;
	assert(n < CONFIG_SECRETS_MAX);
	cfg->secret_folders[n] = folder_above(path);
}

/* A secret from the file that NAME_FILE names, or else from a service manager's credential: as
 * read_secret(). */
static int find_secret(struct config *cfg, const struct row *row,
		       char *(*lookup)(const char *name), char **ret, struct error *err)
{
	AUTO_CSTR variable = mem_printf("%s_FILE", row->name);
	const char *path = lookup(variable);
	const char *folder = lookup("CREDENTIALS_DIRECTORY");
	AUTO_CSTR credential = NULL;

	if (path != NULL && path[0] != '\0') {
		note_folder(cfg, path);
		return read_secret(row, path, false, ret, err);
	}
	if (folder == NULL)
		return 0;
	credential = credential_path(row, folder);
	return read_secret(row, credential, true, ret, err);
}

/* A secret as people put it down: the line that `larder hash-password` prints, or with the
 * quotes around it that one place wants and another, like Docker's --env-file, hands on. */
static struct str unwrap(const struct row *row, struct str text)
{
	AUTO_CSTR assignment = mem_printf("%s=", row->name);

	if (str_has_prefix(text, str_from(assignment)))
		text = str_trim(str_sub(text, strlen(assignment), text.n));
	if (text.n >= 2 && (text.p[0] == '\'' || text.p[0] == '"') &&
	    text.p[text.n - 1] == text.p[0])
		text = str_sub(text, 1, text.n - 1);
	return text;
}

static int load_row(struct config *cfg, const struct row *row,
		    char *(*lookup)(const char *name), struct error *err)
{
	struct str value = str_trim(str_from(lookup(row->name)));
	AUTO_CSTR secret = NULL;
	int found = row->kind == KIND_SECRET ? find_secret(cfg, row, lookup, &secret, err) : 0;

	if (found < 0)
		return -1;
	if (found > 0)
		value = str_from(secret);
	if (row->kind == KIND_SECRET)
		value = unwrap(row, value);
	if (value.n == 0)
		value = str_from(row->otherwise);
	return set_value(cfg, row, value, err);
}

struct config *config_load(char *(*lookup)(const char *name), struct error *err)
{
	AUTO(config) cfg = mem_alloc(sizeof(*cfg));

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		if (load_row(cfg, &rows[i], lookup, err) < 0)
			return NULL;
	}
	cfg->control_socket = mem_printf("%s/control.sock", cfg->runtime_dir);
	cfg->fcgi_socket = mem_printf("%s/fcgi.sock", cfg->runtime_dir);
	cfg->events_socket = mem_printf("%s/events.sock", cfg->runtime_dir);
	return MOVE(cfg);
}

size_t config_check(char *(*lookup)(const char *name), config_report_fn report, void *ctx)
{
	AUTO(config) cfg = mem_alloc(sizeof(*cfg));
	size_t n = 0;

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct error err;

		if (load_row(cfg, &rows[i], lookup, &err) == 0)
			continue;
		report(ctx, err.text);
		n++;
	}
	return n;
}

/* What `make run` and the container go by, and hand on. */
static const char *const of_run[] = { "LARDER_LISTEN", "LARDER_VAR", "LARDER_DEMO_RATE",
				      "LARDER_UMASK", "LARDER_GATE" };

static bool is_known(struct str name)
{
	for (size_t i = 0; i < ARRAY_LEN(of_run); i++) {
		if (str_is_equal(name, str_from(of_run[i])))
			return true;
	}
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct str known = str_from(rows[i].name);

		if (str_is_equal(name, known) ||
		    (rows[i].kind == KIND_SECRET && str_has_prefix(name, known) &&
		     str_is_equal(str_sub(name, known.n, name.n), S("_FILE"))))
			return true;
	}
	return false;
}

/* Behind "LARDER_" or "HF_", which are no part of a mistake. */
static const char *without_prefix(const char *name)
{
	const char *bar = strchr(name, '_');

	return bar != NULL ? bar + 1 : name;
}

/* The variable that was meant, or NULL. */
static const char *find_meant(const char *name)
{
	const char *known[ARRAY_LEN(rows)];
	const char *nearest;

	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		known[i] = without_prefix(rows[i].name);
	nearest = nearest_of(without_prefix(name), known, ARRAY_LEN(known));
	for (size_t i = 0; nearest != NULL && i < ARRAY_LEN(rows); i++) {
		if (known[i] == nearest)
			return rows[i].name;
	}
	return NULL;
}

void config_find_unknown(char *const *environment, config_report_fn report, void *ctx)
{
	for (; *environment != NULL; environment++) {
		struct str variable = str_from(*environment);
		struct str name = str_sub(variable, 0, str_find_char(variable, '='));
		AUTO_CSTR copy = NULL;
		AUTO_CSTR text = NULL;
		const char *meant;

		if (!str_has_prefix_nocase(name, S("LARDER_")) || is_known(name))
			continue;
		copy = str_dup(name);
		meant = find_meant(copy);
		text = mem_printf("%s: there is no such variable; %s%s", quote_plain(name).text,
				  meant != NULL ? "the nearest is " : "",
				  meant != NULL ? meant : "docs/CONFIGURATION.md has all");
		report(ctx, text);
	}
}

static bool is_text(enum kind kind)
{
	return kind == KIND_PATH || kind == KIND_COMMAND || kind == KIND_BASE ||
	       kind == KIND_URL || kind == KIND_SECRET || kind == KIND_HEADER ||
	       kind == KIND_HOSTS || kind == KIND_USER || kind == KIND_SIZES;
}

void config_free(struct config **cfg)
{
	if (*cfg == NULL)
		return;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		if (is_text(rows[i].kind))
			free(*text_at(*cfg, &rows[i]));
	}
	for (size_t i = 0; i < CONFIG_SECRETS_MAX; i++)
		free((*cfg)->secret_folders[i]);
	free((*cfg)->control_socket);
	free((*cfg)->fcgi_socket);
	free((*cfg)->events_socket);
	free(*cfg);
	*cfg = NULL;
}

static void print_range(FILE *out, const struct row *row)
{
	if (row->kind == KIND_INTEGER)
		(void)fprintf(out, " (%llu to %llu)", (unsigned long long)row->min,
			      (unsigned long long)row->max);
	if (row->kind == KIND_SWITCH)
		(void)fputs(" (on or off)", out);
	for (size_t i = 0; row->kind == KIND_CHOICE && i < CHOICES_MAX; i++) {
		if (row->choices[i] != NULL)
			(void)fprintf(out, "%s%s", i == 0 ? " (" : ", ", row->choices[i]);
	}
	if (row->kind == KIND_CHOICE)
		(void)fputc(')', out);
}

static void print_row(FILE *out, const struct row *row)
{
	(void)fprintf(out, "  %-24s %s", row->name, row->help);
	print_range(out, row);
	(void)fprintf(out, "\n%27sdefault: %s\n", "",
		      row->otherwise[0] != '\0' ? row->otherwise : "empty");
	if (row->kind == KIND_SECRET)
		(void)fprintf(out, "%27sor %s_FILE: a file that holds it\n", "", row->name);
}

void config_print_help(FILE *out)
{
	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		print_row(out, &rows[i]);
}

void config_print_web_help(FILE *out)
{
	static const char *const of_web[] = {
		"LARDER_RUNTIME_DIR",   "LARDER_BASE_PATH",
		"LARDER_AUTH",          "LARDER_ALLOW_ANYONE",
		"LARDER_PASSWORD_HASH", "LARDER_SESSION_TIME",
		"LARDER_HOSTS",         "LARDER_RATE_LIMIT",
		"LARDER_API_KEYS",      "LARDER_TRUSTED_USER_HEADER",
		"LARDER_FCGI_THREADS",  "LARDER_USER",
		"LARDER_SANDBOX",       "LARDER_LOG_FORMAT",
		"LARDER_LOG_LEVEL",
	};

	for (size_t i = 0; i < ARRAY_LEN(of_web); i++) {
		size_t at = 0;

		while (strcmp(rows[at].name, of_web[i]) != 0)
			at++;
		print_row(out, &rows[at]);
	}
}

void config_print_env(FILE *out)
{
	(void)fputs("# Larder's configuration. Every variable is here with its default; take "
		    "the \"#\"\n"
		    "# away to change one. systemd, containers and `make run` read this one "
		    "file.\n",
		    out);
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		(void)fprintf(out, "\n# %s", rows[i].help);
		print_range(out, &rows[i]);
		(void)fprintf(out, "\n#%s=%s\n", rows[i].name, rows[i].otherwise);
		if (rows[i].kind == KIND_SECRET)
			(void)fprintf(out, "#%s_FILE=\n", rows[i].name);
	}
}

void config_print_markdown(FILE *out)
{
	(void)fputs(
		"# Configuration\n\n"
		"Made by `larderd --print-docs` from the table in `common/config.c`. Variables "
		"of the environment\n"
		"only; `etc/larder.env` lists them all, and systemd, containers and `make run` "
		"read that one file.\n"
		"`larderd --check [FILE]` says which are wrong, and why; FILE is "
		"`/etc/larder/larder.env`\n"
		"where a service reads it.\n\n"
		"Sizes take K, M, G and T (powers of 1024), times s, m, h and d. A secret may "
		"come from the file that\n"
		"`NAME_FILE` names, which the service's user must be able to read, or from a "
		"systemd credential:\n"
		"`larder.hf_token` for `HF_TOKEN`, `larder.api_keys` for `LARDER_API_KEYS`, "
		"and so on (SETUP.md).\n\n"
		"| variable | default | what |\n|---|---|---|\n",
		out);
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		(void)fprintf(out, "| `%s`%s | %s%s%s | ", rows[i].name,
			      rows[i].kind == KIND_SECRET ? ", `..._FILE`" : "",
			      rows[i].otherwise[0] != '\0' ? "`" : "", rows[i].otherwise,
			      rows[i].otherwise[0] != '\0' ? "`" : "");
		(void)fputs(rows[i].help, out);
		print_range(out, &rows[i]);
		(void)fputs(" |\n", out);
	}
}
