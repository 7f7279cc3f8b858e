#include "downloader/sessions.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

#include <sodium.h>

#include "common/error.h"
#include "common/json.h"
#include "common/log.h"
#include "downloader/file.h"

#define SECRET_NAME   "secret.key"
#define EPOCH_SETTING "sessions.epoch"

struct sessions {
	struct store *store;
	struct auth *auth;
	struct sessions_hooks hooks;
	unsigned char secret[TOKEN_KEY_BYTES];
	uint64_t epoch;
};

/* --- the secret --- */

static int read_secret(int fd, unsigned char ret[TOKEN_KEY_BYTES], struct error *err)
{
	char bytes[TOKEN_KEY_BYTES + 1];
	struct stat st;
	ssize_t n;

	if (fstat(fd, &st) < 0)
		return error_set_errno(err, ERR_INTERNAL, SECRET_NAME);
	if ((st.st_mode & (S_IRWXG | S_IRWXO)) != 0)
		return error_set(err, ERR_INTERNAL,
				 SECRET_NAME ": others may read it; make its mode 0600");
	n = file_read_at(fd, bytes, sizeof(bytes), 0, err);
	if (n < 0)
		return -1;
	if (n != TOKEN_KEY_BYTES)
		return error_set(err, ERR_INTERNAL,
				 SECRET_NAME ": not %d bytes; remove it, and a new one is made",
				 TOKEN_KEY_BYTES);
	memcpy(ret, bytes, TOKEN_KEY_BYTES);
	sodium_memzero(bytes, sizeof(bytes));
	return 0;
}

/* Under another name first, so that there is never half a secret. */
static int make_secret(int root, unsigned char ret[TOKEN_KEY_BYTES], struct error *err)
{
	struct str bytes = { .p = (const char *)ret, .n = TOKEN_KEY_BYTES };
	AUTO_FD fd =
		file_open(root, SECRET_NAME ".new", O_WRONLY | O_CREAT | O_TRUNC, 0600, err);

	if (fd < 0)
		return -1;
	randombytes_buf(ret, TOKEN_KEY_BYTES);
	if (file_write_at(fd, bytes, 0, err) < 0 || file_sync_data(fd, err) < 0)
		return -1;
	return file_rename(root, SECRET_NAME ".new", SECRET_NAME, err);
}

static int load_secret(const char *state_dir, unsigned char ret[TOKEN_KEY_BYTES],
		       struct error *err)
{
	AUTO_FD root = file_open_root(state_dir, err);
	AUTO_FD fd = -1;

	if (root < 0)
		return -1;
	fd = file_open(root, SECRET_NAME, O_RDONLY, 0, err);
	if (fd >= 0)
		return read_secret(fd, ret, err);
	return err->sys == ENOENT ? make_secret(root, ret, err) : -1;
}

/* --- the epoch --- */

static void on_loaded(void *ctx, const char *name, const char *value)
{
	struct sessions *s = ctx;

	if (strcmp(name, EPOCH_SETTING) == 0 &&
	    str_to_u64(str_from(value), 0, INT64_MAX, &s->epoch) < 0)
		log_warning("setting %s: not a number", name);
}

struct sessions *sessions_new(struct store *store, const char *state_dir, struct auth *auth,
			      const struct sessions_hooks *hooks, struct error *err)
{
	AUTO(sessions) s = mem_alloc(sizeof(*s));

	s->store = store;
	s->auth = auth;
	s->hooks = *hooks;
	if (load_secret(state_dir, s->secret, err) < 0 ||
	    store_load_settings(store, on_loaded, s, err) < 0)
		return NULL;
	auth_set_secret(auth, s->secret, s->epoch);
	return MOVE(s);
}

void sessions_free(struct sessions **sessions)
{
	if (*sessions == NULL)
		return;
	sodium_memzero(*sessions, sizeof(**sessions));
	free(*sessions);
	*sessions = NULL;
}

struct revocation {
	struct sessions *sessions;
	uint64_t epoch;
	store_done_fn done;
	void *ctx;
};

static void on_saved(void *ctx, const struct error *err)
{
	struct revocation *revocation = ctx;
	struct sessions *s = revocation->sessions;

	if (err == NULL && revocation->epoch > s->epoch) {
		s->epoch = revocation->epoch;
		auth_set_secret(s->auth, s->secret, s->epoch);
		log_info("every session was revoked");
		s->hooks.revoked(s->hooks.ctx);
	}
	revocation->done(revocation->ctx, err);
	free(revocation);
}

void sessions_revoke(struct sessions *s, store_done_fn done, void *ctx)
{
	struct revocation *revocation = mem_alloc(sizeof(*revocation));
	struct json_object *setting = json_object_new_object();

	*revocation = (struct revocation){
		.sessions = s, .epoch = s->epoch + 1, .done = done, .ctx = ctx
	};
	json_add_u64(setting, EPOCH_SETTING, revocation->epoch);
	store_put_settings(s->store, setting, on_saved, revocation);
}

struct json_object *sessions_to_json(const struct sessions *s)
{
	struct json_object *object = json_object_new_object();
	char hex[2 * TOKEN_KEY_BYTES + 1];

	json_add_cstr(object, "secret",
		      sodium_bin2hex(hex, sizeof(hex), s->secret, sizeof(s->secret)));
	json_add_u64(object, "epoch", s->epoch);
	return object;
}
