#include "downloader/safetensors.h"

#include <string.h>

#include "common/error.h"

static const struct {
	const char *name; /* in the file */
	unsigned bits;    /* of an element */
} types[SAFETENSORS_TYPE_COUNT] = {
	[SAFETENSORS_F64] = { "F64", 64 },
	[SAFETENSORS_F32] = { "F32", 32 },
	[SAFETENSORS_F16] = { "F16", 16 },
	[SAFETENSORS_BF16] = { "BF16", 16 },
	[SAFETENSORS_F8_E5M2] = { "F8_E5M2", 8 },
	[SAFETENSORS_F8_E4M3] = { "F8_E4M3", 8 },
	[SAFETENSORS_F8_E8M0] = { "F8_E8M0", 8 },
	[SAFETENSORS_F8_E4M3FNUZ] = { "F8_E4M3FNUZ", 8 },
	[SAFETENSORS_F8_E5M2FNUZ] = { "F8_E5M2FNUZ", 8 },
	[SAFETENSORS_F6_E2M3] = { "F6_E2M3", 6 },
	[SAFETENSORS_F6_E3M2] = { "F6_E3M2", 6 },
	[SAFETENSORS_F4] = { "F4", 4 },
	[SAFETENSORS_C64] = { "C64", 64 },
	[SAFETENSORS_I64] = { "I64", 64 },
	[SAFETENSORS_U64] = { "U64", 64 },
	[SAFETENSORS_I32] = { "I32", 32 },
	[SAFETENSORS_U32] = { "U32", 32 },
	[SAFETENSORS_I16] = { "I16", 16 },
	[SAFETENSORS_U16] = { "U16", 16 },
	[SAFETENSORS_I8] = { "I8", 8 },
	[SAFETENSORS_U8] = { "U8", 8 },
	[SAFETENSORS_BOOL] = { "BOOL", 8 },
};

enum {
	WORD_MAX = 32, /* longer ones are none that count */
};

/* The JSON, one byte ahead. */
struct scan {
	struct window *window;
	uint64_t end; /* of the header, in the file */
	int next;     /* the byte at hand, or -1 at the end */
};

/* --- JSON, as it comes --- */

static int advance(struct scan *s, struct error *err)
{
	uint8_t byte;

	if (window_at(s->window) == s->end) {
		s->next = -1;
		return 0;
	}
	if (window_u8(s->window, &byte, err) < 0)
		return -1;
	s->next = byte;
	return 0;
}

static bool is_space(int c)
{
	return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

static int skip_spaces(struct scan *s, struct error *err)
{
	while (is_space(s->next)) {
		if (advance(s, err) < 0)
			return -1;
	}
	return 0;
}

static int unexpected(const struct scan *s, const char *wanted, struct error *err)
{
	if (s->next < 0)
		return error_set(err, ERR_INVALID, "the header ends where %s should be",
				 wanted);
	return error_set(err, ERR_INVALID, "at byte %llu of the file: not %s",
			 (unsigned long long)(window_at(s->window) - 1), wanted);
}

/* Takes exactly this, and the spaces around it. */
static int take(struct scan *s, char c, const char *name, struct error *err)
{
	if (skip_spaces(s, err) < 0)
		return -1;
	if (s->next != c)
		return unexpected(s, name, err);
	return advance(s, err) < 0 || skip_spaces(s, err) < 0 ? -1 : 0;
}

static bool is_ahead(const struct scan *s, char c)
{
	return s->next == c;
}

/* After an element: true in *ret_more when a comma was taken, false at the `end`. */
static int take_comma(struct scan *s, char end, bool *ret_more, struct error *err)
{
	*ret_more = is_ahead(s, ',');
	if (*ret_more)
		return take(s, ',', "a comma", err);
	if (!is_ahead(s, end))
		return unexpected(s, "a comma or the end of a list", err);
	return 0;
}

/* A string, as it is written. One that is longer than WORD_MAX, or has an escape, is "". */
static int take_word(struct scan *s, char word[WORD_MAX + 1], struct error *err)
{
	size_t n = 0;
	bool is_kept = true;

	if (!is_ahead(s, '"'))
		return unexpected(s, "a string", err);
	if (advance(s, err) < 0)
		return -1;
	while (s->next != '"') {
		if (s->next < ' ') /* the end, too */
			return unexpected(s, "the end of a string", err);
		is_kept = is_kept && s->next != '\\' && n < WORD_MAX;
		if (s->next == '\\' && advance(s, err) < 0)
			return -1;
		if (s->next < 0)
			return unexpected(s, "the end of a string", err);
		if (is_kept)
			word[n++] = (char)s->next;
		if (advance(s, err) < 0)
			return -1;
	}
	word[is_kept ? n : 0] = '\0';
	return advance(s, err) < 0 || skip_spaces(s, err) < 0 ? -1 : 0;
}

static int take_number(struct scan *s, uint64_t *ret, struct error *err)
{
	uint64_t value = 0;

	if (s->next < '0' || s->next > '9')
		return unexpected(s, "a whole number", err);
	while (s->next >= '0' && s->next <= '9') {
		if (__builtin_mul_overflow(value, (uint64_t)10, &value) ||
		    __builtin_add_overflow(value, (uint64_t)(s->next - '0'), &value))
			return error_set(err, ERR_INVALID, "a number is larger than can be");
		if (advance(s, err) < 0)
			return -1;
	}
	*ret = value;
	return skip_spaces(s, err);
}

static int skip_value(struct scan *s, unsigned depth, struct error *err);

/* Objects and arrays alike. */
static int skip_list(struct scan *s, char begin, char end, unsigned depth, struct error *err)
{
	char word[WORD_MAX + 1];
	bool has_more = true;

	if (depth > SAFETENSORS_DEPTH_MAX)
		return error_set(err, ERR_INVALID, "the header is nested deeper than %d",
				 SAFETENSORS_DEPTH_MAX);
	if (take(s, begin, "a list", err) < 0)
		return -1;
	if (is_ahead(s, end))
		return take(s, end, "its end", err);
	while (has_more) {
		if (begin == '{' &&
		    (take_word(s, word, err) < 0 || take(s, ':', "a colon", err) < 0))
			return -1;
		if (skip_value(s, depth, err) < 0 || take_comma(s, end, &has_more, err) < 0)
			return -1;
	}
	return take(s, end, "its end", err);
}

/* Numbers and names, without a look at what they are. */
static int skip_plain(struct scan *s, struct error *err)
{
	bool has_some = false;

	while ((s->next >= 0 && char_is_alnum((char)s->next)) || s->next == '-' ||
	       s->next == '+' || s->next == '.') {
		has_some = true;
		if (advance(s, err) < 0)
			return -1;
	}
	if (!has_some)
		return unexpected(s, "a value", err);
	return skip_spaces(s, err);
}

static int skip_value(struct scan *s, unsigned depth, struct error *err)
{
	char word[WORD_MAX + 1];

	if (is_ahead(s, '"'))
		return take_word(s, word, err);
	if (is_ahead(s, '{'))
		return skip_list(s, '{', '}', depth + 1, err);
	if (is_ahead(s, '['))
		return skip_list(s, '[', ']', depth + 1, err);
	return skip_plain(s, err);
}

/* --- a tensor --- */

struct tensor {
	enum safetensors_type type;
	bool has_type;
	bool has_shape;
	uint64_t elements;
	bool has_place;
	uint64_t begin; /* in the data */
	uint64_t end;
};

static int take_type(struct scan *s, struct tensor *tensor, struct error *err)
{
	char word[WORD_MAX + 1];

	if (take_word(s, word, err) < 0)
		return -1;
	for (size_t i = 0; i < SAFETENSORS_TYPE_COUNT; i++) {
		if (strcmp(word, types[i].name) != 0)
			continue;
		tensor->type = (enum safetensors_type)i;
		tensor->has_type = true;
		return 0;
	}
	return error_set(err, ERR_INVALID, "a tensor of an unknown type");
}

static int take_shape(struct scan *s, struct tensor *tensor, struct error *err)
{
	unsigned n = 0;
	bool has_more;
	uint64_t length;

	tensor->elements = 1;
	tensor->has_shape = true;
	if (take(s, '[', "a shape", err) < 0)
		return -1;
	has_more = !is_ahead(s, ']');
	while (has_more) {
		if (take_number(s, &length, err) < 0 || take_comma(s, ']', &has_more, err) < 0)
			return -1;
		if (++n > SAFETENSORS_DIMENSIONS_MAX ||
		    __builtin_mul_overflow(tensor->elements, length, &tensor->elements))
			return error_set(err, ERR_INVALID,
					 "a tensor has more elements than can be");
	}
	return take(s, ']', "the end of a shape", err);
}

static int take_place(struct scan *s, struct tensor *tensor, struct error *err)
{
	tensor->has_place = true;
	if (take(s, '[', "two offsets", err) < 0 || take_number(s, &tensor->begin, err) < 0 ||
	    take(s, ',', "a comma", err) < 0 || take_number(s, &tensor->end, err) < 0)
		return -1;
	return take(s, ']', "the end of the offsets", err);
}

static int take_member(struct scan *s, struct tensor *tensor, struct error *err)
{
	char word[WORD_MAX + 1];

	if (take_word(s, word, err) < 0 || take(s, ':', "a colon", err) < 0)
		return -1;
	if (strcmp(word, "dtype") == 0)
		return take_type(s, tensor, err);
	if (strcmp(word, "shape") == 0)
		return take_shape(s, tensor, err);
	if (strcmp(word, "data_offsets") == 0)
		return take_place(s, tensor, err);
	return skip_value(s, 2, err);
}

static int add_tensor(struct safetensors *ret, const struct tensor *tensor, uint64_t *data_end,
		      struct error *err)
{
	uint64_t bits = tensor->elements;

	if (!tensor->has_type || !tensor->has_shape || !tensor->has_place)
		return error_set(err, ERR_INVALID, "a tensor without type, shape or offsets");
	if (__builtin_mul_overflow(bits, (uint64_t)types[tensor->type].bits, &bits) ||
	    __builtin_add_overflow(ret->parameters, tensor->elements, &ret->parameters))
		return error_set(err, ERR_INVALID, "a tensor has more elements than can be");
	if (bits % 8 != 0 || tensor->end < tensor->begin ||
	    tensor->end - tensor->begin != bits / 8)
		return error_set(err, ERR_INVALID,
				 "a tensor's offsets are not what its shape asks for");
	if (__builtin_add_overflow(ret->tensor_bytes, bits / 8, &ret->tensor_bytes))
		return error_set(err, ERR_INVALID, "the tensors are larger than can be");
	ret->n_tensors++;
	/* No more than the sums of all. */
	ret->of_type[tensor->type] += tensor->elements;
	ret->bytes_of_type[tensor->type] += bits / 8;
	*data_end = tensor->end > *data_end ? tensor->end : *data_end;
	return 0;
}

static int take_tensor(struct scan *s, struct safetensors *ret, uint64_t *data_end,
		       struct error *err)
{
	struct tensor tensor = { .has_type = false };
	bool has_more = true;

	if (take(s, '{', "a tensor", err) < 0)
		return -1;
	while (has_more) {
		if (take_member(s, &tensor, err) < 0 || take_comma(s, '}', &has_more, err) < 0)
			return -1;
	}
	if (take(s, '}', "the end of a tensor", err) < 0)
		return -1;
	return add_tensor(ret, &tensor, data_end, err);
}

/* --- the whole --- */

static int take_entry(struct scan *s, struct safetensors *ret, uint64_t *data_end,
		      struct error *err)
{
	char word[WORD_MAX + 1];

	if (take_word(s, word, err) < 0 || take(s, ':', "a colon", err) < 0)
		return -1;
	if (strcmp(word, "__metadata__") == 0)
		return skip_value(s, 1, err);
	return take_tensor(s, ret, data_end, err);
}

static int take_header(struct scan *s, struct safetensors *ret, uint64_t *data_end,
		       struct error *err)
{
	bool has_more;

	if (!is_ahead(s, '{'))
		return error_set(err, ERR_INVALID, "it is not a safetensors file");
	if (take(s, '{', "an object", err) < 0)
		return -1;
	has_more = !is_ahead(s, '}');
	while (has_more) {
		if (take_entry(s, ret, data_end, err) < 0 ||
		    take_comma(s, '}', &has_more, err) < 0)
			return -1;
	}
	if (take(s, '}', "the end", err) < 0)
		return -1;
	return s->next < 0 ? 0 : unexpected(s, "the end of the header", err);
}

int safetensors_read(struct window *window, struct safetensors *ret, struct error *err)
{
	struct scan s = { .window = window };
	uint64_t length;
	uint64_t data_end = 0;

	*ret = (struct safetensors){ .n_tensors = 0 };
	if (window_u64(window, &length, err) < 0)
		return -1;
	if (length > SAFETENSORS_HEADER_MAX)
		return error_set(err, ERR_INVALID, "a header of %llu bytes",
				 (unsigned long long)length);
	if (length > window_left(window))
		return error_set(err, ERR_INVALID, "the file ends inside its header");
	s.end = window_at(window) + length;
	if (advance(&s, err) < 0 || take_header(&s, ret, &data_end, err) < 0)
		return -1;
	if (__builtin_add_overflow(s.end, data_end, &ret->size_needed))
		return error_set(err, ERR_INVALID, "the tensors are larger than can be");
	return 0;
}

const char *safetensors_type_name(enum safetensors_type type)
{
	return types[type].name;
}

uint64_t safetensors_type_bytes(enum safetensors_type type, uint64_t elements)
{
	return elements / 8 * types[type].bits + (elements % 8) * types[type].bits / 8;
}

enum safetensors_type safetensors_main_type(const struct safetensors *s)
{
	enum safetensors_type best = SAFETENSORS_TYPE_COUNT;
	uint64_t most = 0;

	for (size_t i = 0; i < SAFETENSORS_TYPE_COUNT; i++) {
		if (s->bytes_of_type[i] <= most)
			continue;
		most = s->bytes_of_type[i];
		best = (enum safetensors_type)i;
	}
	return best;
}
