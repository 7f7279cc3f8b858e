/*
 * Quantisation labels: what "Q4_K_M" or "UD-Q4_K_XL" in a file name means. One table, with the
 * Hub's own order from big to small and measured bits per weight (HUB-API 11.2).
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
 * `(UD-)?(label)(_[A-Z]+)?` wins, longest label first; folder names count. The letters of
 * `(_[A-Z]+)?` count only when neither a digit nor "_" follows, and when the whole fits
 * QUANT_LABEL_MAX. False when there is none. Bare F16/F32/BF16 count as labels; "mmproj" files
 * have labels too. */
bool quant_from_path(struct str path, struct quant *ret);

/* True when `term`, as a whole and ignoring case, is a label that quant_from_path() can give
 * ("q4_k_m", "UD-IQ1_S"). */
bool quant_is_label(struct str term, struct quant *ret);

#endif
