#include "downloader/frame.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
	LENGTH_MAX = 24, /* bytes of a chunk's length with its line break */
};

static struct frame *make(struct str head, struct str data, struct str tail)
{
	size_t n = head.n + data.n + tail.n;
	struct frame *frame = mem_alloc(sizeof(*frame) + LENGTH_MAX + n + strlen("\r\n"));
	int length = snprintf(frame->text, LENGTH_MAX, "%zx\r\n", n);
	char *at = frame->text + length;

	frame->holders = 1;
	frame->bytes = (struct str){ at, n };
	frame->data = (struct str){ at + head.n, data.n };
	memcpy(at, head.p, head.n);
	memcpy(at + head.n, data.p, data.n);
	memcpy(at + head.n + data.n, tail.p, tail.n);
	memcpy(at + n, "\r\n", strlen("\r\n"));
	frame->chunk = (struct str){ frame->text, (size_t)length + n + strlen("\r\n") };
	return frame;
}

struct frame *frame_new(const char *id, const char *name, struct str data)
{
	AUTO_CSTR head = mem_printf("id: %s\nevent: %s\ndata: ", id, name);

	return make(str_from(head), data, S("\n\n"));
}

struct frame *frame_raw(struct str bytes)
{
	return make(bytes, S(""), S(""));
}

struct frame *frame_hold(struct frame *frame)
{
	frame->holders++;
	return frame;
}

void frame_free(struct frame **frame)
{
	if (*frame != NULL && --(*frame)->holders == 0)
		free(*frame);
	*frame = NULL;
}
