/*
 * Unix stream sockets by path: listening with the right mode from the first moment, connecting
 * with a deadline, and who is at the other end. Descriptors are close-on-exec from birth.
 *
 * Any thread.
 */
#ifndef COMMON_UNIXSOCK_H
#define COMMON_UNIXSOCK_H

#include <sys/types.h>

#include "common/base.h"

struct error;

/* A non-blocking listening socket at `path`, never open to more than `mode`. A socket left
 * behind by a dead process is removed; one that a living process answers is an error. -1 on
 * failure. */
int unixsock_listen(const char *path, mode_t mode, struct error *err) MUST_USE;

/* A connected blocking socket whose reads and writes time out after `timeout_ms`; -1 with
 * ERR_DAEMON_UNAVAILABLE when nobody listens. */
int unixsock_connect(const char *path, int timeout_ms, struct error *err) MUST_USE;

/* True when the peer runs as root, as our own user, or in the group `gid` that owns the socket.
 */
bool unixsock_is_peer_allowed(int fd, gid_t gid);

/* The user that the peer runs as; -1 when the kernel does not say. */
uid_t unixsock_peer_uid(int fd);

#endif
