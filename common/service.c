#include "common/service.h"

#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <systemd/sd-daemon.h>

#include "common/clock.h"
#include "common/error.h"
#include "common/unixsock.h"

/* The inherited descriptor that listens on `path`, or -1. */
static int find_inherited(const char *path)
{
	int n = sd_listen_fds(0);

	for (int fd = SD_LISTEN_FDS_START; fd < SD_LISTEN_FDS_START + n; fd++) {
		if (sd_is_socket_unix(fd, SOCK_STREAM, 1, path, 0) > 0)
			return fd;
	}
	return -1;
}

int service_listen(const char *path, mode_t mode, struct error *err)
{
	int fd = find_inherited(path);
	int flags;

	if (fd < 0)
		return unixsock_listen(path, mode, err);
	flags = fcntl(fd, F_GETFL);
	if (flags < 0 || fcntl(fd, F_SETFL, flags | O_NONBLOCK) < 0 ||
	    fcntl(fd, F_SETFD, FD_CLOEXEC) < 0)
		return error_set_errno(err, ERR_INTERNAL, "%s", path);
	return fd;
}

void service_ready(const char *status)
{
	(void)sd_notifyf(0, "READY=1\nSTATUS=%s", status);
}

void service_status(const char *status)
{
	(void)sd_notifyf(0, "STATUS=%s", status);
}

void service_reloading(void)
{
	/* MONOTONIC_USEC is what Type=notify-reload (systemd 253) asks for. */
	(void)sd_notifyf(0, "RELOADING=1\nMONOTONIC_USEC=%llu",
			 (unsigned long long)clock_steady_us());
}

void service_stopping(void)
{
	(void)sd_notify(0, "STOPPING=1\nSTATUS=Stopping");
}

uint64_t service_watchdog_ms(void)
{
	uint64_t us = 0;

	return sd_watchdog_enabled(0, &us) > 0 ? us / 1000 : 0;
}

void service_alive(void)
{
	(void)sd_notify(0, "WATCHDOG=1");
}
