#include "downloader/hub_parse_account.h"

#include "common/error.h"
#include "common/json.h"
#include "downloader/hub_parse_internal.h"

int hub_parse_account(struct str body, struct hub_account *ret, struct error *err)
{
	AUTO_JSON object = NULL;
	struct hub_account account = { .name = "" };
	struct json_object *token;
	struct str name;
	struct str role;

	if (hub_json_parse(body, &object, err) < 0)
		return -1;
	if (!hub_json_str(object, "name", &name) || name.n == 0)
		return error_set(err, ERR_HUB_PROTOCOL,
				 "the reply about the token names nobody");
	hub_label(name, account.name, sizeof(account.name));
	token = json_get(json_get(object, "auth"), "accessToken");
	if (hub_json_str(token, "role", &role))
		hub_label(role, account.role, sizeof(account.role));
	*ret = account;
	return 0;
}
