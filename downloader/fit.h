/*
 * Does a model fit this machine, and which of its variants is the one to take?
 *
 * A model needs its weights and the cache for a context (memory_need.h), and a runtime needs
 * some room beside them. On a graphics card that is what llama.cpp leaves free by default
 * (--fit-target, 1 GiB a device); in memory it is the system's share. The verdicts are for
 * llama.cpp and what is built on it, which divides a model between cards and memory by layers.
 *
 * Pure. Any thread.
 */
#ifndef DOWNLOADER_FIT_H
#define DOWNLOADER_FIT_H

#include "downloader/quant.h"

enum {
	FIT_GPUS_MAX = 16,
};

#define FIT_GPU_ROOM    (UINT64_C(1) << 30) /* left free on each card */
#define FIT_MEMORY_ROOM (UINT64_C(2) << 30) /* left to the system */

enum fit_verdict {
	FIT_GPU,    /* all of it in graphics memory: fast */
	FIT_SPLIT,  /* part in graphics memory, part in memory */
	FIT_MEMORY, /* in memory; there is no graphics card that is known */
	FIT_NOT,
	FIT_VERDICT_COUNT,
};

struct fit_host {
	uint64_t memory; /* bytes; 0: not known */
	uint64_t gpus[FIT_GPUS_MAX];
	size_t n_gpus;
};

/* "gpu", "split", "memory", "none". */
const char *fit_verdict_name(enum fit_verdict verdict);

/* Weights and cache together; UINT64_MAX when that is more than can be counted. */
uint64_t fit_need(uint64_t weights, uint64_t cache);

enum fit_verdict fit_judge(const struct fit_host *host, uint64_t need);

/* A variant that may be recommended. */
struct fit_choice {
	const struct quant *quant;
	uint64_t bytes;
	enum fit_verdict verdict;
};

/* Of variants of one model: the index of the one to take, or `n` where none has a quant. The
 * best place decides, then the most bits that are worth it: up to Q6_K on graphics cards, since
 * more hardly change the answers, and up to Q4_K_M in memory, where each bit costs speed. Below
 * IQ3_XXS a model has lost much: that is only taken where nothing better fits anywhere, and
 * what fits nowhere only when nothing does: then the smallest. */
size_t fit_recommend(const struct fit_choice *choices, size_t n);

/* Has it so few bits that a smaller model may answer better? */
bool fit_is_poor(const struct fit_choice *choice);

/* Why, in a sentence, for a context of so many tokens. */
char *fit_reason(const struct fit_choice *choice, uint64_t context);

#endif
