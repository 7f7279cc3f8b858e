/* larderd: the download daemon. */
#include <signal.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sysexits.h>
#include <unistd.h>

#include <sodium.h>

#include "common/config.h"
#include "common/env_file.h"
#include "common/error.h"
#include "common/folder.h"
#include "common/log.h"
#include "common/privileges.h"
#include "common/sandbox.h"
#include "downloader/backup.h"
#include "downloader/daemon.h"
#include "downloader/hook.h"
#include "downloader/host.h"
#include "downloader/store.h"

static int print_usage(FILE *out)
{
	(void)fputs("usage: larderd [--help | --version | --check [ENV_FILE] |\n"
		    "               --restore COPY [ENV_FILE] | --print-env | --print-docs]\n\n"
		    "The download daemon of Larder. It stays in the foreground, logs to "
		    "stderr, and is\n"
		    "configured by environment variables:\n\n",
		    out);
	config_print_help(out);
	return out == stdout ? EXIT_SUCCESS : EXIT_FAILURE;
}

/* Each watcher, connection and file takes a descriptor: as many as the system grants. */
static void raise_descriptors(void)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) != 0)
		return;
	limit.rlim_cur = limit.rlim_max;
	if (setrlimit(RLIMIT_NOFILE, &limit) != 0)
		log_warning("the limit on open files stays as it is");
}

/* Gives up what is not needed: root, then all but our folders and what the libraries read. */
static int give_up_powers(const struct config *cfg, struct hook **ret_hook, struct error *err)
{
	const struct hook_plan hook_plan = { .command = cfg->hook_command,
					     .models_dir = cfg->models_dir,
					     .limit_s = cfg->hook_s };
	const struct privileges_folder folders[] = {
		{ .path = cfg->models_dir, .mode = 0755 },
		{ .path = cfg->state_dir, .mode = 0700 },
		{ .path = cfg->runtime_dir, .mode = 0755 },
	};
	const struct sandbox_folder writable[] = {
		{ .path = cfg->models_dir, .name = "LARDER_MODELS_DIR" },
		{ .path = cfg->state_dir, .name = "LARDER_STATE_DIR" },
		{ .path = cfg->runtime_dir, .name = "LARDER_RUNTIME_DIR" },
	};
	static const char *const system_files[] = {
		/* What the resolver, the certificates and the hours of the schedule need. The
		 * folders, not the files: a rule is about what a name means now, and these are
		 * replaced by renaming. Their owners and modes still count. */
		"/etc", "/run",
		/* certificates, as Debian, Fedora, Alpine and openSUSE have them */
		"/usr/lib/ssl", "/usr/share/ca-certificates",
		"/usr/local/share/ca-certificates",
		"/var/lib/ca-certificates", /* the modules that the resolver loads */
		"/usr/lib", "/usr/lib64", "/lib", "/lib64", "/usr/share/zoneinfo",
		/* how much memory there is */
		"/proc/meminfo", "/sys/devices/system/cpu", "/sys/fs/cgroup"
	};
	const char *readable[ARRAY_LEN(system_files) + CONFIG_SECRETS_MAX];
	struct sandbox_files files = { .writable = writable,
				       .n_writable = ARRAY_LEN(writable),
				       .readable = readable };

	for (size_t i = 0; i < ARRAY_LEN(system_files); i++)
		readable[files.n_readable++] = system_files[i];
	/* To be read again when somebody asks for that (SIGHUP). */
	for (size_t i = 0; cfg->secret_folders[i] != NULL; i++)
		readable[files.n_readable++] = cfg->secret_folders[i];

	if (privileges_drop(cfg->user, folders, ARRAY_LEN(folders), err) < 0)
		return -1;
	for (size_t i = 0; i < ARRAY_LEN(folders); i++) {
		if (folder_make(folders[i].path, folders[i].mode, NULL, err) < 0)
			return error_prefix(err, "%s", writable[i].name);
	}
	/* From here on larderd can begin no program: who may is made before. */
	if (cfg->hook_command[0] != '\0') {
		*ret_hook = hook_new(&hook_plan, err);
		if (*ret_hook == NULL)
			return error_prefix(err, "LARDER_HOOK_COMMAND");
	}
	return sandbox_enter(cfg->has_sandbox, SANDBOX_DAEMON, &files, err);
}

static void warn(void *ctx, const char *text)
{
	(void)ctx;
	log_warning("%s", text);
}

static void complain(void *ctx, const char *text)
{
	(void)ctx;
	(void)fprintf(stderr, "%s\n", text);
}

static void set(void *ctx, const char *name, const char *value)
{
	(void)ctx;
	(void)setenv(name, value, 1);
}

/* What a service's file names must be there for the service's user, not only for root. */
static int become_the_service(struct error *err)
{
	const char *user = getenv("LARDER_USER");
	bool is_named = user != NULL && user[0] != '\0';

	if (!is_named)
		user = "larder";
	if (!is_named && !privileges_is_user(user))
		return 0;
	return privileges_drop(user, NULL, 0, err);
}

/* All that is wrong, not only the first: in `file`, over what the environment says, or in the
 * environment alone. */
static int check(const char *file)
{
	AUTO(config) cfg = NULL;
	struct error err = { .code = ERR_NONE };
	size_t n;

	log_init("larderd", LOG_FORMAT_TEXT, LOG_LEVEL_WARNING);
	if (file != NULL &&
	    (env_file_read(file, set, NULL, &err) < 0 || become_the_service(&err) < 0)) {
		complain(NULL, err.text);
		return EX_CONFIG;
	}
	n = config_check(getenv, complain, NULL);
	config_find_unknown(environ, complain, NULL);
	if (n == 0)
		cfg = config_load(getenv, &err);
	if (n > 0 || cfg == NULL || sodium_init() < 0)
		return EX_CONFIG;
	if (daemon_check(cfg, &err) < 0) {
		complain(NULL, err.text);
		return EX_CONFIG;
	}
	return printf("%s makes sense\n", file != NULL ? file : "what this environment says") >
			       0
		       ? EXIT_SUCCESS
		       : EXIT_FAILURE;
}

static int serve(void)
{
	struct error err;
	AUTO(config) cfg = config_load(getenv, &err);
	AUTO(hook) hook = NULL; /* freed after the daemon */
	AUTO(daemon) daemon = NULL;
	struct fit_host host;

	if (cfg == NULL) {
		log_error("%s", err.text);
		return EX_CONFIG;
	}
	log_init("larderd", (enum log_format)cfg->log_format, (enum log_level)cfg->log_level);
	log_hide(str_from(cfg->hf_token));
	log_hide(str_from(cfg->webhook_url));
	log_hide(str_from(cfg->webhook_secret));
	config_find_unknown(environ, warn, NULL);
	if (sodium_init() < 0) {
		log_error("no source of random numbers");
		return EXIT_FAILURE;
	}
	(void)signal(SIGPIPE, SIG_IGN);
	raise_descriptors();
	if (daemon_check(cfg, &err) < 0) {
		log_error("%s", err.text);
		return EX_CONFIG;
	}
	host_look(cfg->gpu_memory, "/sys/class/drm", &host);
	if (give_up_powers(cfg, &hook, &err) == 0)
		daemon = daemon_new(cfg, &host, hook, &err);
	if (daemon == NULL) {
		log_error("%s", err.text);
		return EXIT_FAILURE;
	}
	sandbox_end_listening();
	daemon_run(daemon);
	return EXIT_SUCCESS;
}

/* As the user whose files they are, who may not be able to read what root has kept. */
static int restore(const char *path, const char *env_file)
{
	struct error err = { .code = ERR_NONE };
	AUTO(config) cfg = NULL;
	AUTO_FD fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);

	if (env_file == NULL || env_file_read(env_file, set, NULL, &err) == 0)
		cfg = config_load(getenv, &err);
	if (cfg == NULL || privileges_drop(cfg->user, NULL, 0, &err) < 0 ||
	    backup_restore(path, fd, cfg->state_dir, &err) < 0) {
		complain(NULL, err.text);
		return EXIT_FAILURE;
	}
	return printf("%s is the database now; what was there is " STORE_FILE
		      ".before-restore in %s\n",
		      path, cfg->state_dir) > 0
		       ? EXIT_SUCCESS
		       : EXIT_FAILURE;
}

int main(int argc, char **argv)
{
	log_init("larderd", LOG_FORMAT_TEXT, LOG_LEVEL_INFO);
	if (argc == 1)
		return serve();
	if (strcmp(argv[1], "--help") == 0)
		return print_usage(stdout);
	if (strcmp(argv[1], "--version") == 0)
		return printf("larderd %s\n", LARDER_VERSION) > 0 ? EXIT_SUCCESS : EXIT_FAILURE;
	if (strcmp(argv[1], "--check") == 0 && argc <= 3)
		return check(argv[2]);
	if (strcmp(argv[1], "--restore") == 0 && (argc == 3 || argc == 4))
		return restore(argv[2], argv[3]);
	if (strcmp(argv[1], "--print-env") == 0) {
		config_print_env(stdout);
		return EXIT_SUCCESS;
	}
	if (strcmp(argv[1], "--print-docs") == 0) {
		config_print_markdown(stdout);
		return EXIT_SUCCESS;
	}
	(void)fprintf(stderr, "larderd: that makes no sense: %s\n\n", argv[1]);
	return print_usage(stderr);
}
