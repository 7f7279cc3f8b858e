/*
 * Which files of a repository a job means: `select` and `exclude` terms (DESIGN.md 4.4).
 *
 * A term, case-insensitive except where said:
 *   - the whole path of a listed file (case-sensitive): that file; comes before all other
 *     readings
 *   - the name of a variant (variant.h): its files; comes before those below
 *   - between slashes, `/.../`: a PCRE2 regular expression, searched for anywhere in the path,
 *     with match, depth and heap limits; one whose last slash is missing is refused
 *   - a known quant label: the files with exactly that label (weights only, never companions);
 *     "Q4_K" is not "Q4_K_M". A plain label does not take "UD-" files, an "UD-" label only
 *     those
 *   - with `*`, `?` or `[`, or with "/" at its end: a glob over the whole path with the
 * official client's meaning (fnmatch: `*` and `?` cross "/", `[!a]` negates; a trailing "/"
 * gets "*" appended), except that case is ignored
 *   - anything else: a substring
 * No select term selects everything. Exclude wins over select. Parts of one shard set go
 * together: if one is selected, all are; if one is excluded, none is. A companion (variant.h:
 * config, tokenizer, mmproj, imatrix) is selected only when a term other than a label matches
 * it or nothing is selected by terms at all.
 *
 * A term that matches no file is an error of selection_apply() for select (nobody downloads
 * nothing by a typo; for a label the sentence lists those that there are) and is fine for
 * exclude. All terms together have an allowance of work: past it, the term at hand is an error.
 *
 * A selection is immutable once made and may be used by one thread at a time.
 */
#ifndef DOWNLOADER_SELECTION_H
#define DOWNLOADER_SELECTION_H

#include "common/base.h"

struct error;

enum {
	SELECTION_TERMS_MAX = 256,       /* select and exclude together */
	SELECTION_TERM_MAX = 1024,       /* bytes */
	SELECTION_BYTES_MAX = 16 * 1024, /* of all terms: each job of the queue keeps its own */
};

struct selection;

/* Compiles the terms. A bad one is ERR_INVALID whose field is "select[2]" or "exclude[0]" and
 * whose text names the term and the position in it. Terms are copied. */
struct selection *selection_new(const struct str *select, size_t n_select,
				const struct str *exclude, size_t n_exclude, struct error *err);
void selection_free(struct selection **s);

/* Sets ret_selected[i] for each of `n` paths. -1 with ERR_INVALID and the field when a select
 * term matches nothing, or when a regular expression runs into its limits. */
int selection_apply(const struct selection *s, const struct str *paths, size_t n,
		    bool *ret_selected, struct error *err) MUST_USE;

#endif
