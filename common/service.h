/*
 * What a service manager gives to a program, and what it hears from it: listening sockets that
 * it has made and keeps while the program is restarted, that the program is ready, that it is
 * still alive, and a line of status. The only door to libsystemd; without a service manager
 * (no LISTEN_FDS, no NOTIFY_SOCKET) sockets are made here, and all else does nothing.
 *
 * Any thread, but service_listen() comes before the first one.
 */
#ifndef COMMON_SERVICE_H
#define COMMON_SERVICE_H

#include <sys/types.h>

#include "common/base.h"

struct error;

/* The socket that was inherited for `path`, whose mode and owner are then the service manager's
 * affair; else a new one, by unixsock_listen(). Non-blocking, close-on-exec; -1 on failure. */
int service_listen(const char *path, mode_t mode, struct error *err) MUST_USE;

/* The program serves now, for the first time or again after service_reloading(). `status` is
 * what the service manager shows of it (systemctl status). */
void service_ready(const char *status);
void service_status(const char *status); /* another line */
void service_reloading(void);
void service_stopping(void);

/* How often service_alive() must be called at least, in milliseconds; 0: nobody waits for it. A
 * program that misses it is ended and begun again. */
uint64_t service_watchdog_ms(void);
void service_alive(void);

#endif
