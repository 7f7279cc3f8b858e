/*
 * One repository of the Hub for somebody who chooses: its facts, and its card. Answers are kept
 * for a short while, since people go back and forth.
 *
 * Belongs to the loop's thread; the card is read on a file worker.
 */
#ifndef DOWNLOADER_HUB_MODEL_H
#define DOWNLOADER_HUB_MODEL_H

#include "downloader/hub_parse_model.h"
#include "downloader/pool.h"

struct hub;
struct hub_models;

enum {
	HUB_MODEL_KEEP_MS = 60 * 1000, /* how long an answer is believed */
	HUB_MODELS_KEPT = 4,           /* answers; a card's stream may have megabytes */
};

/* Immutable; shared among those who hold it. */
struct hub_model {
	unsigned refs; /* its own */
	struct hub_facts facts;
	char *card;    /* the stream of card.h, as JSON text; NULL: there is none */
	bool is_cut;   /* the card is longer than CARD_MAX */
	char *problem; /* why there is no card, where there is one to be had; or NULL */
};

struct hub_models *hub_models_new(struct hub *hub, struct pool *pool)
	__attribute__((returns_nonnull));
/* When no call is under way: after fetch_stop() and pool_stop(). */
void hub_models_free(struct hub_models **models);

/* `done` is called once, never before this returns: with what there is, borrowed for the call,
 * or NULL and the error. That the card cannot be had is no error. */
typedef void (*hub_model_fn)(void *ctx, const struct hub_model *model, const struct error *err);
void hub_model(struct hub_models *models, enum repo_type type, const char *repo,
	       hub_model_fn done, void *ctx);

#endif
