/* larderd: the download daemon. */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#include <sodium.h>

#include "common/config.h"
#include "common/error.h"
#include "common/log.h"
#include "downloader/daemon.h"

static int print_usage(FILE *out)
{
	(void)fputs("usage: larderd [--help | --version | --print-env]\n\n"
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

static int serve(void)
{
	struct error err;
	AUTO(config) cfg = config_load(getenv, &err);
	AUTO(daemon) daemon = NULL;

	if (cfg == NULL) {
		log_error("%s", err.text);
		return EXIT_FAILURE;
	}
	log_init("larderd", (enum log_format)cfg->log_format, (enum log_level)cfg->log_level);
	log_hide(str_from(cfg->hf_token));
	if (sodium_init() < 0) {
		log_error("no source of random numbers");
		return EXIT_FAILURE;
	}
	(void)signal(SIGPIPE, SIG_IGN);
	raise_descriptors();
	daemon = daemon_new(cfg, &err);
	if (daemon == NULL) {
		log_error("%s", err.text);
		return EXIT_FAILURE;
	}
	daemon_run(daemon);
	return EXIT_SUCCESS;
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
	if (strcmp(argv[1], "--print-env") == 0) {
		config_print_env(stdout);
		return EXIT_SUCCESS;
	}
	return print_usage(stderr);
}
