#include "common/env_file.h"

#include <fcntl.h>
#include <unistd.h>

#include "common/buf.h"
#include "common/error.h"

static size_t name_len(struct str line)
{
	size_t n = 0;

	while (n < line.n && (char_is_alpha(line.p[n]) || line.p[n] == '_' ||
			      (n > 0 && char_is_digit(line.p[n]))))
		n++;
	return n;
}

/* What a value stands for. -1 when a quote is left open, or the line is to go on. */
static int unquote(struct str text, struct buf *ret)
{
	char quote = '\0';

	for (size_t i = 0; i < text.n; i++) {
		char c = text.p[i];

		if (c == '\\' && quote != '\'') {
			if (++i == text.n)
				return -1;
			buf_add_char(ret, text.p[i]);
		} else if (quote == '\0' && (c == '\'' || c == '"')) {
			quote = c;
		} else if (c == quote && quote != '\0') {
			quote = '\0';
		} else {
			buf_add_char(ret, c);
		}
	}
	return quote == '\0' ? 0 : -1;
}

static int read_line(struct str line, env_file_fn set, void *ctx)
{
	size_t n = name_len(line);
	AUTO_CSTR name = str_dup(str_sub(line, 0, n));
	AUTO(buf) value = buf_new(ENV_FILE_MAX);
	struct str rest = str_trim(str_sub(line, n, line.n));

	if (n == 0 || rest.n == 0 || rest.p[0] != '=' ||
	    unquote(str_trim(str_sub(rest, 1, rest.n)), value) < 0)
		return -1;
	set(ctx, name, buf_cstr(value));
	return 0;
}

static int read_all(const char *path, struct buf *ret, struct error *err)
{
	AUTO_FD fd = open(path, O_RDONLY | O_CLOEXEC);
	char piece[4096];
	ssize_t n = fd < 0 ? -1 : 0;

	while (fd >= 0 && (n = read(fd, piece, sizeof(piece))) > 0)
		buf_add(ret, (struct str){ .p = piece, .n = (size_t)n });
	if (n < 0)
		return error_set_errno(err, ERR_INVALID, "%s", path);
	return buf_is_overflown(ret) ? error_set(err, ERR_INVALID, "%s is too long", path) : 0;
}

int env_file_read(const char *path, env_file_fn set, void *ctx, struct error *err)
{
	AUTO(buf) text = buf_new(ENV_FILE_MAX);
	struct str rest;
	struct str line;

	if (read_all(path, text, err) < 0)
		return -1;
	rest = buf_str(text);
	for (unsigned number = 1; str_next(&rest, '\n', &line); number++) {
		line = str_trim(line);
		if (line.n == 0 || line.p[0] == '#' || line.p[0] == ';')
			continue;
		if (read_line(line, set, ctx) < 0)
			return error_set(err, ERR_INVALID,
					 "%s: line %u is not NAME=VALUE on one line", path,
					 number);
	}
	return 0;
}
