/*
 * Quantisation labels: what "Q4_K_M" or "UD-Q4_K_XL" in a file name means. One table, with the
 * Hub's own order from big to small and measured bits per weight (HUB-API 11.2); it has the
 * types of ik_llama.cpp too (its ggml.h), which people publish on the Hub as well.
 *
 * Pure. Any thread.
 */
#ifndef DOWNLOADER_QUANT_H
#define DOWNLOADER_QUANT_H

#include "common/base.h"

enum {
	QUANT_LABEL_MAX = 24,
};

struct quant {
	char label[QUANT_LABEL_MAX]; /* upper case, "UD-" kept: "Q4_K_M", "UD-Q4_K_XL"; "" =
					none */
	unsigned rank;      /* 0 is the biggest; labels without a place get the place of
			       their nearest relative; UD- right before its plain one */
	unsigned bpw_centi; /* bits per weight * 100 as measured; 0 = not known */
};

/* The label in a path, by the Hub's rule: upper-case the path, the last match of
 * `(UD-)?(label)(_[A-Z]+|_R[0-9]+)?` wins, longest label first; folder names count where the
 * file's has none. The letters of `(_[A-Z]+)?` count only when neither a digit nor "_" follows,
 * and when the whole fits QUANT_LABEL_MAX. F16/F32/BF16 are labels where there is no other, and
 * FP16/FP32 as people write them; so is "Q4" at a name's end. "mmproj" files have labels
 * too. False when there is none. */
bool quant_from_path(struct str path, struct quant *ret);

/* True when `term`, as a whole and ignoring case, is a label that quant_from_path() can give
 * ("q4_k_m", "UD-IQ1_S"), except the bare "Q4": as a term that means all that have it in their
 * names. */
bool quant_is_label(struct str term, struct quant *ret);

#endif
