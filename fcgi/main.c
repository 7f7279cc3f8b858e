/* larder-fcgi: the web side. Stateless; kill it at any moment. */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>

#include <sodium.h>

#include "common/config.h"
#include "common/error.h"
#include "common/log.h"
#include "common/privileges.h"
#include "common/sandbox.h"
#include "common/service.h"
#include "fcgi/routes.h"
#include "fcgi/worker.h"

enum {
	SOCKET_MODE = 0660,
};

static int print_usage(FILE *out)
{
	(void)fputs("usage: larder-fcgi [--help | --version]\n\n"
		    "The web side of Larder: answers FastCGI requests of a web server on "
		    "fcgi.sock with\n"
		    "the help of larderd. It stays in the foreground, logs to stderr, and is "
		    "configured\n"
		    "by environment variables:\n\n",
		    out);
	config_print_web_help(out);
	return out == stdout ? EXIT_SUCCESS : EXIT_FAILURE;
}

/* Signals are taken by sigwait(3) in the main thread only, so that none interrupts a worker. */
static void block_signals(sigset_t *set)
{
	(void)sigemptyset(set);
	(void)sigaddset(set, SIGTERM);
	(void)sigaddset(set, SIGINT);
	(void)sigaddset(set, SIGHUP); /* begun anew, it reads its secrets anew */
	(void)pthread_sigmask(SIG_BLOCK, set, NULL);
}

/* The socket is made by whoever may make it there, then everything else is given up. */
static int listen_and_give_up_powers(const struct config *cfg, struct error *err)
{
	const struct privileges_folder folder = { .path = cfg->runtime_dir, .mode = 0755 };
	AUTO_FD fd = -1;
	int result;

	if (privileges_drop(cfg->user, &folder, 1, err) < 0)
		return -1;
	fd = service_listen(cfg->fcgi_socket, SOCKET_MODE, err);
	if (fd < 0 || sandbox_enter(cfg->has_sandbox, SANDBOX_WEB, NULL, err) < 0)
		return -1;
	result = fd;
	fd = -1;
	return result;
}

static int serve(const struct config *cfg, struct error *err)
{
	AUTO(guard) guard = guard_new(cfg, err);
	AUTO(ratelimit) ratelimit = ratelimit_new();
	AUTO(measures) measures = NULL;
	struct app app = { .cfg = cfg, .guard = guard, .ratelimit = ratelimit };
	const struct route *routes;
	size_t n_routes;
	struct workers *workers;
	sigset_t signals;
	int number = 0;
	int fd;

	if (guard == NULL)
		return -1;
	routes = routes_all(&n_routes);
	measures = measures_new(routes, n_routes);
	app.measures = measures;
	fd = listen_and_give_up_powers(cfg, err);
	if (fd < 0)
		return -1;
	block_signals(&signals);
	workers = workers_start(&app, fd, (size_t)cfg->fcgi_threads, err);
	if (workers == NULL)
		return -1;
	(void)signal(SIGPIPE, SIG_IGN);
	service_ready("Serving");
	log_info("ready: %llu threads on %s", (unsigned long long)cfg->fcgi_threads,
		 cfg->fcgi_socket);
	(void)sigwait(&signals, &number);
	log_info("signal %d: stopping", number);
	service_stopping();
	workers_free(&workers);
	return 0;
}

int main(int argc, char **argv)
{
	struct error err;
	AUTO(config) cfg = NULL;

	log_init("larder-fcgi", LOG_FORMAT_TEXT, LOG_LEVEL_INFO);
	if (argc > 1 && strcmp(argv[1], "--version") == 0)
		return printf("larder-fcgi %s\n", LARDER_VERSION) > 0 ? EXIT_SUCCESS
								      : EXIT_FAILURE;
	if (argc > 1)
		return print_usage(strcmp(argv[1], "--help") == 0 ? stdout : stderr);
	cfg = config_load(getenv, &err);
	if (cfg == NULL) {
		log_error("%s", err.text);
		return EX_CONFIG;
	}
	if (sodium_init() < 0) {
		log_error("no source of random numbers");
		return EXIT_FAILURE;
	}
	log_init("larder-fcgi", (enum log_format)cfg->log_format,
		 (enum log_level)cfg->log_level);
	log_hide(str_from(cfg->hf_token));
	log_hide(str_from(cfg->password_hash));
	if (cfg->auth == AUTH_PASSWORD && cfg->password_hash[0] == '\0')
		log_warning("LARDER_PASSWORD_HASH is empty: nobody can sign in, and only "
			    "LARDER_API_KEYS open the door");
	if (serve(cfg, &err) < 0) {
		log_error("%s", err.text);
		return EXIT_FAILURE;
	}
	return EXIT_SUCCESS;
}
