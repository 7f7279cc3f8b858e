#include "common/error.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static const struct {
	const char *name;
	const char *title;
	const char *hint;
} codes[] = {
#define X(symbol, name, title, hint) [ERR_##symbol] = { name, title, hint },
	ERROR_CODES(X)
#undef X
};

static_assert(ARRAY_LEN(codes) == ERR_COUNT, "every code has a row");

static void PRINTF_LIKE(2, 0) set_text(struct error *err, const char *fmt, va_list args)
{
	int len = vsnprintf(err->text, sizeof(err->text), fmt, args);

	if (len >= (int)sizeof(err->text))
		err->text[str_utf8_whole(str_from(err->text)).n] = '\0';
}

int error_set(struct error *err, enum error_code code, const char *fmt, ...)
{
	va_list args;

	*err = (struct error){ .code = code };
	va_start(args, fmt);
	set_text(err, fmt, args);
	va_end(args);
	return -1;
}

int error_set_errno(struct error *err, enum error_code code, const char *fmt, ...)
{
	int sys = errno;
	size_t used;
	char reason[80] = "";
	va_list args;

	if (sys == ENOSPC || sys == EDQUOT)
		code = ERR_DISK_FULL;
	*err = (struct error){ .code = code, .sys = sys };
	va_start(args, fmt);
	set_text(err, fmt, args);
	va_end(args);
	used = strlen(err->text);
	(void)snprintf(err->text + used, sizeof(err->text) - used, ": %s",
		       strerror_r(sys, reason, sizeof(reason)));
	err->text[str_utf8_whole(str_from(err->text)).n] = '\0';
	return -1;
}

int error_set_field(struct error *err, const char *field, const char *fmt, ...)
{
	va_list args;

	*err = (struct error){ .code = ERR_INVALID };
	if (snprintf(err->field, sizeof(err->field), "%s", field) >= (int)sizeof(err->field))
		err->field[str_utf8_whole(str_from(err->field)).n] = '\0';
	va_start(args, fmt);
	set_text(err, fmt, args);
	va_end(args);
	return -1;
}

int error_prefix(struct error *err, const char *fmt, ...)
{
	char old[ERROR_TEXT_MAX];
	size_t used;
	va_list args;

	memcpy(old, err->text, sizeof(old));
	va_start(args, fmt);
	set_text(err, fmt, args);
	va_end(args);
	used = strlen(err->text);
	(void)snprintf(err->text + used, sizeof(err->text) - used, ": %s", old);
	err->text[str_utf8_whole(str_from(err->text)).n] = '\0';
	return -1;
}

const char *error_code_name(enum error_code code)
{
	return code < ERR_COUNT ? codes[code].name : codes[ERR_INTERNAL].name;
}

const char *error_code_title(enum error_code code)
{
	return code < ERR_COUNT ? codes[code].title : codes[ERR_INTERNAL].title;
}

const char *error_code_hint(enum error_code code)
{
	return code < ERR_COUNT ? codes[code].hint : NULL;
}

enum error_code error_code_from_name(struct str name)
{
	for (unsigned i = 0; i < ERR_COUNT; i++) {
		if (str_is_equal(name, str_from(codes[i].name)))
			return (enum error_code)i;
	}
	return ERR_INTERNAL;
}
