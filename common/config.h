/*
 * The configuration: environment variables only, one typed table (config.c). The table gives
 * each variable its type, default, range and line of help; --help and etc/larder.env are
 * printed from it.
 *
 * Read once at start, constant after: any thread may read it then.
 */
#ifndef COMMON_CONFIG_H
#define COMMON_CONFIG_H

#include <stdio.h>

#include "common/base.h"
#include "common/log.h"

struct error;

enum {
	CONFIG_SECRETS_MAX = 5, /* variables that are secrets */
};

/* Values with their units. Strings are never NULL; "" means not set. */
struct config {
	char *models_dir;
	char *state_dir;
	char *runtime_dir;
	char *base_path; /* "" or "/hf": begins with "/", does not end with one */
	char *hf_endpoint;
	char *hf_token;
	bool is_offline;
	uint64_t max_downloads;
	uint64_t max_connections;
	uint64_t max_connections_per_file;
	uint64_t bandwidth_limit_bps; /* of all downloads together; 0: none */
	uint64_t transfer_threads;    /* 0: as many as fit the machine */
	uint64_t min_free_bytes;
	uint64_t scan_interval_s;  /* 0: only when asked */
	uint64_t scrub_interval_s; /* 0: only when asked */
	uint64_t check_interval_s; /* 0: only when asked */
	uint64_t verify_limit_bps; /* 0: none but half of the disk's time */
	uint64_t trash_days;       /* 0: nothing goes by itself */
	char *gpu_memory;          /* bytes of each card, with commas between; "": look */
	uint64_t auth;             /* enum auth_mode */
	bool allows_anyone;        /* with AUTH_NONE: not only who is on this machine */
	char *password_hash;
	uint64_t session_s;
	char *hosts;         /* that may be asked for */
	uint64_t rate_limit; /* requests a minute; 0: none */
	char *api_keys;
	char *user_header; /* in which the web server names the user */
	uint64_t event_clients;
	uint64_t event_clients_each; /* of one user, key or address */
	uint64_t fcgi_threads;
	char *user; /* whom root becomes */
	bool has_sandbox;
	char *webhook_url;
	uint64_t webhook_format; /* enum webhook_format */
	char *webhook_secret;
	char *hook_command; /* a path, or "" */
	uint64_t hook_s;
	uint64_t log_format; /* enum log_format */
	uint64_t log_level;  /* enum log_level */

	/* Derived: the folders of the files that secrets came from, ended by NULL, and the
	 * paths of the three sockets. */
	char *secret_folders[CONFIG_SECRETS_MAX + 1];
	char *control_socket;
	char *fcgi_socket;
	char *events_socket;
};

/* Reads the environment through `lookup` (getenv, or a test's own). A bad value is an error
 * whose text begins with the variable's name. Unset and empty mean the default. A secret may
 * come from the file named by NAME_FILE instead, or from a service manager's credential
 * ($CREDENTIALS_DIRECTORY/larder.NAME in lower case, without LARDER_); quotes around it and
 * "NAME=" before it are not of it. */
struct config *config_load(char *(*lookup)(const char *name), struct error *err);
void config_free(struct config **cfg);

/* Looks at every variable: `report` gets a sentence for each that makes no sense. How many
 * there are. */
typedef void (*config_report_fn)(void *ctx, const char *text);
size_t config_check(char *(*lookup)(const char *name), config_report_fn report, void *ctx);

/* Of the environment ("NAME=value", ended by NULL) what begins like one of ours and is none:
 * `report` gets a sentence that names the nearest. */
void config_find_unknown(char *const *environment, config_report_fn report, void *ctx);

/* The table for people, whole or what larder-fcgi goes by, as etc/larder.env, and as
 * docs/CONFIGURATION.md. */
void config_print_help(FILE *out);
void config_print_web_help(FILE *out);
void config_print_env(FILE *out);
void config_print_markdown(FILE *out);

#endif
