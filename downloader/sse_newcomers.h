/*
 * Connections to the event stream that have not asked for anything yet, and until when each may
 * take its time. evhttp's own time-outs begin anew with each byte, so somebody who sends one
 * now and then would stay for ever.
 *
 * Belongs to the loop's thread.
 */
#ifndef DOWNLOADER_SSE_NEWCOMERS_H
#define DOWNLOADER_SSE_NEWCOMERS_H

#include "common/base.h"

struct bufferevent;
struct newcomers;

struct newcomers *newcomers_new(uint64_t longest_ms) __attribute__((returns_nonnull));
void newcomers_free(struct newcomers **newcomers);

/* A connection was made at `now_ms`. A reference to it is held until it is removed, or until
 * the tick after it was freed by its owner. */
void newcomers_add(struct newcomers *newcomers, struct bufferevent *bev, uint64_t now_ms);

/* It has asked. One that is not known is ignored. */
void newcomers_remove(struct newcomers *newcomers, struct bufferevent *bev);

/* Tells those whose time is over, and hangs up; forgets those that have left. */
void newcomers_tick(struct newcomers *newcomers, uint64_t now_ms);

size_t newcomers_count(const struct newcomers *newcomers);

#endif
