#include "common/unixsock.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#include "common/error.h"

enum {
	BACKLOG = 256,
	GROUPS_MAX = 1024, /* supplementary groups of a peer that are looked at */
};

static int make_address(const char *path, struct sockaddr_un *ret, struct error *err)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	size_t len = strlen(path);

	if (len >= sizeof(address.sun_path))
		return error_set(err, ERR_INTERNAL,
				 "socket path is too long (%zu of %zu bytes): %s", len,
				 sizeof(address.sun_path) - 1, path);
	memcpy(address.sun_path, path, len + 1);
	*ret = address;
	return 0;
}

/* Somebody accepts connections there. */
static bool is_alive(const struct sockaddr_un *address)
{
	AUTO_FD fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	return fd >= 0 &&
	       (connect(fd, (const struct sockaddr *)address, sizeof(*address)) == 0 ||
		errno == EAGAIN);
}

int unixsock_listen(const char *path, mode_t mode, struct error *err)
{
	struct sockaddr_un address;
	struct stat st;
	AUTO_FD fd = -1;
	int result;

	if (make_address(path, &address, err) < 0)
		return -1;
	if (is_alive(&address))
		return error_set(err, ERR_INTERNAL, "%s: another process already listens there",
				 path);
	if (lstat(path, &st) == 0 && !S_ISSOCK(st.st_mode))
		return error_set(err, ERR_INTERNAL,
				 "%s: something else than a socket has this name", path);
	if (unlink(path) < 0 && errno != ENOENT)
		return error_set_errno(err, ERR_INTERNAL, "%s", path);
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return error_set_errno(err, ERR_INTERNAL, "socket");
	/* The name is born with the descriptor's mode less the umask (Linux, unix_bind), so
	 * that the chmod after can only give what the umask took. */
	if (fchmod(fd, mode) < 0 ||
	    bind(fd, (const struct sockaddr *)&address, sizeof(address)) < 0 ||
	    chmod(path, mode) < 0 || listen(fd, BACKLOG) < 0)
		return error_set_errno(err, ERR_INTERNAL, "%s", path);
	result = fd;
	fd = -1;
	return result;
}

int unixsock_connect(const char *path, int timeout_ms, struct error *err)
{
	struct timeval timeout = { .tv_sec = timeout_ms / 1000,
				   .tv_usec = (suseconds_t)(timeout_ms % 1000) * 1000 };
	struct sockaddr_un address;
	AUTO_FD fd = -1;
	int result;

	if (make_address(path, &address, err) < 0)
		return -1;
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return error_set_errno(err, ERR_INTERNAL, "socket");
	(void)setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &timeout, sizeof(timeout));
	(void)setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &timeout, sizeof(timeout));
	if (connect(fd, (const struct sockaddr *)&address, sizeof(address)) < 0) {
		if (errno == EACCES || errno == EPERM)
			return error_set_errno(err, ERR_DAEMON_UNAVAILABLE,
					       "no right to use %s", path);
		return error_set(err, ERR_DAEMON_UNAVAILABLE, "the downloader is not running");
	}
	result = fd;
	fd = -1;
	return result;
}

static bool is_in_groups(int fd, gid_t gid)
{
	gid_t *groups = mem_array(GROUPS_MAX, sizeof(*groups));
	socklen_t size = GROUPS_MAX * sizeof(*groups);
	bool found = false;

	if (getsockopt(fd, SOL_SOCKET, SO_PEERGROUPS, groups, &size) == 0) {
		for (size_t i = 0; i < size / sizeof(*groups) && !found; i++)
			found = groups[i] == gid;
	}
	free(groups);
	return found;
}

bool unixsock_is_peer_allowed(int fd, gid_t gid)
{
	struct ucred peer;
	socklen_t size = sizeof(peer);

	if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &size) < 0)
		return false;
	return peer.uid == 0 || peer.uid == geteuid() || peer.gid == gid ||
	       is_in_groups(fd, gid);
}

uid_t unixsock_peer_uid(int fd)
{
	struct ucred peer;
	socklen_t size = sizeof(peer);

	return getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &size) < 0 ? (uid_t)-1 : peer.uid;
}
