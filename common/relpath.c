#include "common/relpath.h"

#include <string.h>

#include "common/error.h"
#include "common/quote.h"

static int refuse(struct str path, const char *why, struct error *err)
{
	return error_set(err, ERR_UNSAFE_PATH, "path %s %s", quote_text(path).text, why);
}

/* C0, DEL, and C1, which UTF-8 writes as C2 80 to C2 9F. */
static bool has_control_char(struct str path)
{
	for (size_t i = 0; i < path.n; i++) {
		unsigned char c = (unsigned char)path.p[i];

		if (c < 0x20 || c == 0x7f)
			return true;
		if (c == 0xc2 && i + 1 < path.n && (unsigned char)path.p[i + 1] < 0xa0)
			return true;
	}
	return false;
}

/* Why a part cannot stand in a path, or NULL. That it must not end with a dot covers "." and
 * "..", and what Windows makes of ".. ". */
static const char *part_fault(struct str part)
{
	if (part.n == 0)
		return "has an empty part: it begins or ends with \"/\" or holds \"//\"";
	if (str_is_equal(part, S(".")) || str_is_equal(part, S("..")))
		return "has a part \".\" or \"..\"";
	if (part.p[part.n - 1] == '.' || part.p[part.n - 1] == ' ')
		return "has a part that ends with a dot or a space";
	if (part.n > RELPATH_PART_MAX)
		return "has a part that is too long";
	return NULL;
}

/* Our own folders at the top, and a file where such a folder must be. Case is ignored because a
 * file system may. */
static bool is_reserved(struct str path)
{
	return str_is_equal_nocase(path, S(".larder")) ||
	       str_has_prefix_nocase(path, S(".larder/")) ||
	       str_is_equal_nocase(path, S(".cache")) ||
	       str_is_equal_nocase(path, S(".cache/huggingface")) ||
	       str_has_prefix_nocase(path, S(".cache/huggingface/"));
}

int relpath_check(struct str path, struct error *err)
{
	struct str rest = path;
	struct str part;
	size_t depth = 0;

	if (path.n == 0)
		return error_set(err, ERR_UNSAFE_PATH, "path is empty");
	if (path.n > RELPATH_MAX)
		return refuse(path, "is too long", err);
	if (!str_is_utf8(path))
		return refuse(path, "is not UTF-8", err);
	if (has_control_char(path))
		return refuse(path, "holds a control character", err);
	if (str_find_char(path, '\\') < path.n || str_find_char(path, ':') < path.n)
		return refuse(path, "holds \"\\\" or \":\"", err);
	while (str_next(&rest, '/', &part)) {
		const char *fault = part_fault(part);

		if (fault != NULL)
			return refuse(path, fault, err);
		if (++depth > RELPATH_DEPTH_MAX)
			return refuse(path, "has too many parts", err);
	}
	if (is_reserved(path))
		return refuse(path, "stands where Larder keeps its own files", err);
	return 0;
}

struct str relpath_basename(struct str path)
{
	size_t slash = str_rfind_char(path, '/');

	return slash < path.n ? str_sub(path, slash + 1, path.n) : path;
}

struct str relpath_dirname(struct str path)
{
	size_t slash = str_rfind_char(path, '/');

	return str_sub(path, 0, slash < path.n ? slash : 0);
}

bool relpath_is_below(const char *path, const char *folder)
{
	size_t n = strlen(folder);

	return strcmp(folder, ".") == 0 ||
	       (strncmp(path, folder, n) == 0 && (path[n] == '\0' || path[n] == '/'));
}
