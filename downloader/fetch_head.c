#include "downloader/fetch_head.h"

#include <stdlib.h>

static const char *const header_names[] = {
#define X(symbol, name) [FETCH_##symbol] = (name),
	FETCH_HEADERS(X)
#undef X
};

static_assert(ARRAY_LEN(header_names) == FETCH_HEADER_COUNT, "every header has its name");

void fetch_head_clear(struct fetch_head *head)
{
	for (size_t i = 0; i < FETCH_HEADER_COUNT; i++)
		free(head->headers[i]);
	*head = (struct fetch_head){ .content_length = -1 };
}

static void keep_header(struct fetch_head *head, struct str line)
{
	size_t colon = str_find_char(line, ':');
	struct str name = str_sub(line, 0, colon);
	struct str value = str_trim(str_sub(line, colon + 1, line.n));

	if (colon == line.n || value.n > FETCH_HEADER_MAX)
		return;
	for (size_t i = 0; i < FETCH_HEADER_COUNT; i++) {
		if (!str_is_equal_nocase(name, str_from(header_names[i])))
			continue;
		free(head->headers[i]);
		head->headers[i] = str_dup(value);
	}
}

void fetch_head_take(struct fetch_head *head, struct str line)
{
	if (str_has_prefix(line, S("HTTP/")))
		fetch_head_clear(head);
	else
		keep_header(head, line);
}
