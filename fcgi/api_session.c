/* Who one is, signing in and out. */
#include "fcgi/app.h"
#include "fcgi/routes.h"

#include "common/schema.h"

/* The cookie goes with every request to this server below the base path, but to no script, and
 * not along with what another site makes the browser send. */
static void set_cookie(const struct app *app, const struct request *request, const char *value,
		       uint64_t lasts_s, struct response *response)
{
	response->cookie = mem_printf(AUTH_COOKIE "=%s; Path=%s/; Max-Age=%llu; HttpOnly;"
						  " SameSite=Lax%s",
				      value, app->cfg->base_path, (unsigned long long)lasts_s,
				      request->is_https ? "; Secure" : "");
}

static void tell(const struct app *app, const struct identity *who, struct response *response)
{
	struct json_object *session = json_object_new_object();
	char csrf[AUTH_CSRF_MAX];
	bool has_csrf = who != NULL && guard_csrf_token(app->guard, who, csrf);

	json_add_cstr(session, "auth", auth_mode_name((enum auth_mode)app->cfg->auth));
	json_add_cstr(session, "user", who != NULL && who->name[0] != '\0' ? who->name : NULL);
	json_add_cstr(session, "role", who != NULL ? role_name(who->role) : NULL);
	json_add_cstr(session, "csrf_token", has_csrf ? csrf : NULL);
	json_add_cstr(session, "version", LARDER_VERSION);
	response_json(response, 200, session);
}

void api_session_get(const struct app *app, const struct request *request,
		     struct response *response)
{
	struct identity who;
	struct error err;
	bool is_in = guard_identify(app->guard, &request->auth, &who, &err) == 0;

	tell(app, is_in ? &who : NULL, response);
}

/* {"password": text}, and nothing else. */
static int read_password(struct json_object *body, struct str *ret, struct error *err)
{
	struct json_object *password = json_get(body, "password");

	if (body == NULL || password == NULL ||
	    !json_object_is_type(password, json_type_string))
		return error_set_field(err, "password", "password is missing");
	if (json_object_object_length(body) != 1)
		return error_set(err, ERR_BAD_REQUEST, "password alone is understood here");
	*ret = json_get_str(body, "password");
	if (ret->n == 0 || ret->n > SCHEMA_PASSWORD_MAX)
		return error_set_field(err, "password", "password is not 1 to %d bytes long",
				       SCHEMA_PASSWORD_MAX);
	return 0;
}

void api_session_create(const struct app *app, const struct request *request,
			struct response *response)
{
	struct rpc_caller caller = app_caller(request);
	struct identity who;
	struct str password;
	char token[TOKEN_MAX];
	struct error err;

	if (read_password(request->body, &password, &err) < 0) {
		app_refuse(request, &err, response);
		return;
	}
	if (guard_sign_in(app->guard, password, request->address, token, &who, &err) < 0) {
		app_note_failure(app, &caller, "session.create", &err);
		app_refuse(request, &err, response);
		return;
	}
	caller.name = str_from(who.name);
	app_note(app, &caller, "session.create", "ok");
	tell(app, &who, response);
	set_cookie(app, request, token, app->cfg->session_s, response);
}

/* Also who is not signed in is signed out. */
void api_session_delete(const struct app *app, const struct request *request,
			struct response *response)
{
	const struct rpc_caller caller = app_caller(request);
	struct identity who;
	struct error err;

	if (guard_identify(app->guard, &request->auth, &who, &err) == 0 &&
	    guard_sign_out(app->guard, &who, &caller, &err) < 0) {
		app_refuse(request, &err, response);
		return;
	}
	response_empty(response, 204);
	set_cookie(app, request, "", 0, response);
}

void api_sessions_end(const struct app *app, const struct request *request,
		      struct response *response)
{
	app_call(app, request, "session.revoke", app_body_params(request), 204, response);
}
