/*
 * The FastCGI side: threads that accept requests on a listening socket and hand them to the
 * app. The only door to libfcgi.
 *
 * libfcgi's traps, measured (STYLE.md, section 6): a blocked FCGX_Accept_r cannot be woken, so
 * the listener is non-blocking and each worker polls it together with an eventfd; FCGX_Init
 * replaces ignored signals by its own handlers, so signals are set after workers_start().
 */
#ifndef FCGI_WORKER_H
#define FCGI_WORKER_H

#include "fcgi/app.h"

struct workers;

/* Starts `n` threads on the non-blocking listening descriptor, which is consumed. */
struct workers *workers_start(const struct app *app, int take_fd, size_t n, struct error *err);

/* Requests under way are answered, no new one is taken, all threads end. */
void workers_free(struct workers **workers);

#endif
