/*
 * What people paste, understood (DESIGN.md 4.1): "owner/name" with ":Q4_K_M", "@revision" or
 * "/a/file.gguf" behind it, a Hub page, blob or resolve URL (also in prose or Markdown),
 * "hf.co/owner/name:Q4_K_M", hf:// and huggingface:// addresses, a folder of the official cache
 * (models--owner--name), or a command line (`hf download ...`, `huggingface-cli download ...`,
 * `llama-server -hf ...` and `llama-cli`, `ollama run|pull hf.co/...`, `vllm serve ...`,
 * SGLang, mlx_lm, lmdeploy, text-generation-launcher, `lms get`, `larder get`, `docker run`
 * with one of these in it, `git clone https://huggingface.co/...`, `wget|curl ...resolve URL`).
 * One parser for the page, REST and the command line; tests/unit/paste_forms.tsv has 200 real
 * ones.
 *
 * Commands are cut into words as a POSIX shell does (quotes, backslashes), nothing is expanded;
 * leading `sudo`, `$`, `VAR=value` and line continuations are skipped. Options that name a
 * revision, a repo type, include, exclude or file arguments are honoured; options that take a
 * value are known, so that the value is not taken for the repository; unknown ones are skipped.
 * The endpoint's own host is accepted beside huggingface.co and hf.co; another host is an error
 * that names it. Python lines (`from_pretrained("owner/name")`, `snapshot_download(...)`) are
 * understood too. Several commands or addresses may stand in one text when they name one
 * repository and one revision.
 *
 * Pure. Any thread.
 */
#ifndef DOWNLOADER_PASTE_H
#define DOWNLOADER_PASTE_H

#include "common/ids.h"

struct error;

enum {
	PASTE_MAX = 8192,      /* bytes of input */
	PASTE_TERMS_MAX = 128, /* select or exclude terms found in it */
};

struct paste {
	enum repo_type type;
	bool type_is_given;
	char *repo;     /* checked by repo_id_check() */
	char *revision; /* NULL when the input names none; checked by revision_check() */
	char **select;  /* terms, as selection.h understands them; a file of a blob URL is its
			   path */
	size_t n_select;
	char **exclude;
	size_t n_exclude;
	char *form; /* what it was taken for: "a repository", "a web address", "an hf command",
		       ... */
};

/* Understands `text`. `endpoint` is the configured Hub URL. On failure ERR_INVALID with field
 * "repo" and a sentence that helps. */
struct paste *paste_parse(struct str text, struct str endpoint, struct error *err);
void paste_free(struct paste **p);

#endif
