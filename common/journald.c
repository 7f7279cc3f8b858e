#include "common/journald.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

/* $JOURNAL_STREAM is the device and inode of the stream: who has redirected stderr since is not
 * meant (systemd.exec(5)). */
static bool is_stream(void)
{
	const char *stream = getenv("JOURNAL_STREAM");
	struct stat st;
	AUTO_CSTR ours = NULL;

	if (stream == NULL || fstat(STDERR_FILENO, &st) < 0)
		return false;
	ours = mem_printf("%llu:%llu", (unsigned long long)st.st_dev,
			  (unsigned long long)st.st_ino);
	return strcmp(ours, stream) == 0;
}

int journald_open(void)
{
	static const struct sockaddr_un address = { .sun_family = AF_UNIX,
						    .sun_path = "/run/systemd/journal/socket" };
	AUTO_FD fd = -1;
	int result;

	if (!is_stream())
		return -1;
	fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (fd < 0 || connect(fd, (const struct sockaddr *)&address, sizeof(address)) < 0)
		return -1;
	result = fd;
	fd = -1;
	return result;
}

bool journald_send(int fd, struct str fields)
{
	return send(fd, fields.p, fields.n, MSG_NOSIGNAL) == (ssize_t)fields.n;
}
