/*
 * Every address of the REST API (DESIGN.md 4.1) and its handler; the handlers are in api_*.c.
 * What each takes and answers stands in docs/openapi.json, which a test holds against them.
 */
#ifndef FCGI_ROUTES_H
#define FCGI_ROUTES_H

#include "fcgi/router.h"

const struct route *routes_all(size_t *ret_n);

void api_health(const struct app *app, const struct request *request,
		struct response *response);
void api_contract(const struct app *app, const struct request *request,
		  struct response *response);
void api_metrics(const struct app *app, const struct request *request,
		 struct response *response);
void api_session_get(const struct app *app, const struct request *request,
		     struct response *response);
void api_session_create(const struct app *app, const struct request *request,
			struct response *response);
void api_session_delete(const struct app *app, const struct request *request,
			struct response *response);
void api_changes(const struct app *app, const struct request *request,
		 struct response *response);
void api_settings_get(const struct app *app, const struct request *request,
		      struct response *response);
void api_settings_patch(const struct app *app, const struct request *request,
			struct response *response);
void api_paste(const struct app *app, const struct request *request, struct response *response);
void api_preview(const struct app *app, const struct request *request,
		 struct response *response);
void api_preview_fit(const struct app *app, const struct request *request,
		     struct response *response);
void api_downloads_create(const struct app *app, const struct request *request,
			  struct response *response);
void api_downloads_list(const struct app *app, const struct request *request,
			struct response *response);
void api_downloads_get(const struct app *app, const struct request *request,
		       struct response *response);
void api_downloads_patch(const struct app *app, const struct request *request,
			 struct response *response);
void api_downloads_forget(const struct app *app, const struct request *request,
			  struct response *response);
void api_downloads_move(const struct app *app, const struct request *request,
			struct response *response);
void api_hub_search(const struct app *app, const struct request *request,
		    struct response *response);
void api_hub_model(const struct app *app, const struct request *request,
		   struct response *response);
void api_models_list(const struct app *app, const struct request *request,
		     struct response *response);
void api_models_get(const struct app *app, const struct request *request,
		    struct response *response);
void api_models_delete(const struct app *app, const struct request *request,
		       struct response *response);
void api_models_act(const struct app *app, const struct request *request,
		    struct response *response);
void api_scrub(const struct app *app, const struct request *request, struct response *response);
void api_trash_list(const struct app *app, const struct request *request,
		    struct response *response);
void api_trash_restore(const struct app *app, const struct request *request,
		       struct response *response);
void api_trash_empty(const struct app *app, const struct request *request,
		     struct response *response);
void api_audit(const struct app *app, const struct request *request, struct response *response);
void api_token(const struct app *app, const struct request *request, struct response *response);
void api_doctor(const struct app *app, const struct request *request,
		struct response *response);
void api_backup(const struct app *app, const struct request *request,
		struct response *response);
void api_sessions_end(const struct app *app, const struct request *request,
		      struct response *response);
void api_scan(const struct app *app, const struct request *request, struct response *response);

#endif
