#include "downloader/previews.h"

#include <stdlib.h>
#include <string.h>

struct kept {
	char id[DOWNLOAD_ID_LEN + 1];
	struct choice choice;
};

/* A ring: the next takes the oldest one's place. */
struct previews {
	struct kept kept[PREVIEWS_KEPT];
	size_t next;
};

struct previews *previews_new(void)
{
	return mem_alloc(sizeof(struct previews));
}

void previews_free(struct previews **previews)
{
	struct previews *p = *previews;

	if (p == NULL)
		return;
	for (size_t i = 0; i < PREVIEWS_KEPT; i++)
		choice_clear(&p->kept[i].choice);
	free(p);
	*previews = NULL;
}

void previews_keep(struct previews *p, const char *id, const struct choice *choice)
{
	struct kept *kept = &p->kept[p->next];

	p->next = (p->next + 1) % PREVIEWS_KEPT;
	choice_clear(&kept->choice);
	choice_copy(&kept->choice, choice);
	(void)memccpy(kept->id, id, '\0', sizeof(kept->id));
}

const struct choice *previews_find(const struct previews *p, struct str id)
{
	for (size_t i = 0; id.n > 0 && i < PREVIEWS_KEPT; i++) {
		if (str_is_equal(id, str_from(p->kept[i].id)))
			return &p->kept[i].choice;
	}
	return NULL;
}
