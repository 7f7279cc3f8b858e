#include "common/privileges.h"

#include <grp.h>
#include <pwd.h>
#include <unistd.h>

#include "common/error.h"
#include "common/folder.h"
#include "common/log.h"

enum {
	RECORD_MAX = 64 * 1024, /* bytes of an entry of the users' database */
};

static int become(const struct passwd *user, struct error *err)
{
	if (initgroups(user->pw_name, user->pw_gid) < 0 ||
	    setresgid(user->pw_gid, user->pw_gid, user->pw_gid) < 0 ||
	    setresuid(user->pw_uid, user->pw_uid, user->pw_uid) < 0)
		return error_set_errno(err, ERR_INTERNAL, "LARDER_USER: cannot become %s",
				       user->pw_name);
	if (setuid(0) == 0)
		return error_set(err, ERR_INTERNAL, "LARDER_USER: %s could become root again",
				 user->pw_name);
	return 0;
}

/* NULL when there is none; its texts are in `record`. */
static struct passwd *find_user(const char *name, struct passwd *entry, char record[RECORD_MAX])
{
	struct passwd *found = NULL;

	(void)getpwnam_r(name, entry, record, RECORD_MAX, &found);
	return found;
}

bool privileges_is_user(const char *name)
{
	AUTO_CSTR record = mem_bytes(RECORD_MAX);
	struct passwd entry;

	return find_user(name, &entry, record) != NULL;
}

int privileges_drop(const char *user, const struct privileges_folder *folders, size_t n,
		    struct error *err)
{
	AUTO_CSTR record = NULL;
	struct passwd entry;
	struct passwd *found;
	struct folder_owner owner;

	if (geteuid() != 0)
		return 0;
	record = mem_bytes(RECORD_MAX);
	found = find_user(user, &entry, record);
	if (found == NULL)
		return error_set(
			err, ERR_INVALID,
			"LARDER_USER: there is no user %s, and as root Larder does not "
			"work; make one (adduser --system --group %s) or name another",
			user, user);
	if (found->pw_uid == 0)
		return error_set(err, ERR_INVALID,
				 "LARDER_USER: %s is root, and as root Larder does not work",
				 user);
	owner = (struct folder_owner){ .uid = found->pw_uid, .gid = found->pw_gid };
	for (size_t i = 0; i < n; i++) {
		if (folder_make(folders[i].path, folders[i].mode, &owner, err) < 0)
			return -1;
	}
	if (become(found, err) < 0)
		return -1;
	log_info("was started by root: goes on as %s", user);
	return 0;
}
