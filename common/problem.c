#include "common/problem.h"

#include <string.h>

#include <sodium.h>

#include "common/error.h"
#include "common/json.h"

void request_id_take(char ret[REQUEST_ID_MAX + 1], const char *given)
{
	unsigned char random[8];
	size_t n = given != NULL ? strlen(given) : 0;
	bool is_decent = n >= REQUEST_ID_MIN && n <= REQUEST_ID_MAX;

	for (size_t i = 0; is_decent && i < n; i++)
		is_decent = char_is_alnum(given[i]) || given[i] == '-';
	if (is_decent) {
		memcpy(ret, given, n + 1);
		return;
	}
	randombytes_buf(random, sizeof(random));
	(void)sodium_bin2hex(ret, REQUEST_ID_MAX + 1, random, sizeof(random));
}

struct json_object *problem_document(const struct error *err, int status,
				     const char *request_id)
{
	struct json_object *problem = json_object_new_object();
	AUTO_CSTR type = mem_printf("urn:larder:problem:%s", error_code_name(err->code));

	json_add_cstr(problem, "type", type);
	json_add_cstr(problem, "title", error_code_title(err->code));
	json_add_int(problem, "status", status);
	json_add_cstr(problem, "detail", err->text);
	json_add_cstr(problem, "code", error_code_name(err->code));
	json_add_cstr(problem, "request_id", request_id);
	if (err->field[0] != '\0')
		json_add_cstr(problem, "field", err->field);
	if (error_code_hint(err->code) != NULL)
		json_add_cstr(problem, "hint", error_code_hint(err->code));
	return problem;
}
