#include "downloader/hub_parse_model.h"

#include <string.h>

#include "common/error.h"
#include "common/json.h"
#include "downloader/hub_parse_internal.h"

/* {"path":"pytorch_model.bin","level":"unsafe"}; what was found safe, or not looked at yet, is
 * no issue. */
static void read_issue(struct json_object *entry, struct hub_facts *facts)
{
	struct str path;
	struct str level;

	if (!hub_json_str(entry, "path", &path) || !hub_json_str(entry, "level", &level) ||
	    str_is_equal(level, S("safe")) || str_is_equal(level, S("unscanned")) ||
	    str_is_equal(level, S("queued")))
		return;
	if (facts->n_issues < HUB_ISSUES_MAX) {
		struct hub_issue *issue = &facts->issues[facts->n_issues];

		hub_label(path, issue->path, sizeof(issue->path));
		hub_label(level, issue->level, sizeof(issue->level));
	}
	facts->n_issues++;
}

static void read_scan(struct json_object *scan, struct hub_facts *facts)
{
	struct json_object *issues = json_get(scan, "filesWithIssues");
	size_t n = json_object_is_type(issues, json_type_array)
			   ? json_object_array_length(issues)
			   : 0;

	facts->has_scan = json_object_is_type(scan, json_type_object);
	facts->is_scanned = json_is_true(scan, "scansDone");
	for (size_t i = 0; i < n; i++)
		read_issue(json_object_array_get_idx(issues, i), facts);
}

int hub_parse_model(struct str body, struct hub_facts *ret, struct error *err)
{
	AUTO_JSON object = NULL;
	struct str commit;

	*ret = (struct hub_facts){ .n_issues = 0 };
	if (hub_json_parse(body, &object, err) < 0)
		return -1;
	if (!hub_row_read(object, &ret->row))
		return error_set(err, ERR_HUB_PROTOCOL, "the reply names no repository");
	if (hub_json_str(object, "sha", &commit) && commit_is_valid(commit))
		memcpy(ret->commit, commit.p, commit.n);
	read_scan(json_get(object, "securityRepoStatus"), ret);
	return 0;
}
