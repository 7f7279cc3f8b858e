#include "downloader/paste_command.h"

#include <stdlib.h>

#include "common/error.h"
#include "common/quote.h"
#include "common/relpath.h"
#include "downloader/paste_draft.h"
#include "downloader/paste_link.h"

enum meaning {
	OPTION_VALUE, /* takes a value of no interest */
	OPTION_REPO,
	OPTION_REVISION,
	OPTION_TYPE,
	OPTION_INCLUDE,
	OPTION_EXCLUDE,
	OPTION_FILE, /* the one file that is meant, whatever the tag says */
	OPTION_MEANING_COUNT,
};

struct option {
	const char *name;
	enum meaning meaning;
};

enum operands {
	OPERANDS_REPO_AND_FILES, /* the first is the repository */
	OPERANDS_REPO,           /* one of them is; others may be values of unknown options */
	OPERANDS_ADDRESS,        /* the same, and it must be an address of the Hub */
	OPERANDS_NONE,
	OPERANDS_COUNT,
};

struct family {
	const char *form;
	enum operands operands;
	const struct option *options;
	size_t n;
};

/* --- the table --- */

static const struct option hf_options[] = {
	{ "--revision", OPTION_REVISION }, { "--repo-type", OPTION_TYPE },
	{ "--type", OPTION_TYPE },         { "--include", OPTION_INCLUDE },
	{ "--exclude", OPTION_EXCLUDE },   { "--cache-dir", OPTION_VALUE },
	{ "--local-dir", OPTION_VALUE },   { "--local-dir-use-symlinks", OPTION_VALUE },
	{ "--token", OPTION_VALUE },       { "--max-workers", OPTION_VALUE },
	{ "--format", OPTION_VALUE },
};

static const struct option llama_options[] = {
	{ "-hf", OPTION_REPO },         { "-hfr", OPTION_REPO },
	{ "--hf-repo", OPTION_REPO },   { "-hff", OPTION_FILE },
	{ "--hf-file", OPTION_FILE },   { "-hft", OPTION_VALUE },
	{ "--hf-token", OPTION_VALUE }, { "-p", OPTION_VALUE },
	{ "--prompt", OPTION_VALUE },   { "-sys", OPTION_VALUE },
	{ "--alias", OPTION_VALUE },
};

static const struct option ollama_options[] = {
	{ "--format", OPTION_VALUE },
	{ "--keepalive", OPTION_VALUE },
};

static const struct option serve_options[] = {
	{ "--model", OPTION_REPO },
	{ "--model-path", OPTION_REPO },
	{ "--model-id", OPTION_REPO },
	{ "--revision", OPTION_REVISION },
	{ "--api-key", OPTION_VALUE },
	{ "--chat-template", OPTION_VALUE },
	{ "--code-revision", OPTION_VALUE },
	{ "--config", OPTION_VALUE },
	{ "--data-parallel-size", OPTION_VALUE },
	{ "-dp", OPTION_VALUE },
	{ "--download-dir", OPTION_VALUE },
	{ "--dtype", OPTION_VALUE },
	{ "--generation-config", OPTION_VALUE },
	{ "--gpu-memory-utilization", OPTION_VALUE },
	{ "--hf-config-path", OPTION_VALUE },
	{ "--hf-overrides", OPTION_VALUE },
	{ "--hf-token", OPTION_VALUE },
	{ "--host", OPTION_VALUE },
	{ "--kv-cache-dtype", OPTION_VALUE },
	{ "--limit-mm-per-prompt", OPTION_VALUE },
	{ "--load-format", OPTION_VALUE },
	{ "--lora-modules", OPTION_VALUE },
	{ "--max-model-len", OPTION_VALUE },
	{ "--max-num-batched-tokens", OPTION_VALUE },
	{ "--max-num-seqs", OPTION_VALUE },
	{ "--pipeline-parallel-size", OPTION_VALUE },
	{ "-pp", OPTION_VALUE },
	{ "--port", OPTION_VALUE },
	{ "--quantization", OPTION_VALUE },
	{ "-q", OPTION_VALUE },
	{ "--reasoning-parser", OPTION_VALUE },
	{ "--rope-scaling", OPTION_VALUE },
	{ "--seed", OPTION_VALUE },
	{ "--served-model-name", OPTION_VALUE },
	{ "--speculative-config", OPTION_VALUE },
	{ "--speculative-model", OPTION_VALUE },
	{ "--swap-space", OPTION_VALUE },
	{ "--tensor-parallel-size", OPTION_VALUE },
	{ "-tp", OPTION_VALUE },
	{ "--tp", OPTION_VALUE },
	{ "--tokenizer", OPTION_VALUE },
	{ "--tokenizer-path", OPTION_VALUE },
	{ "--tokenizer-revision", OPTION_VALUE },
	{ "--tool-call-parser", OPTION_VALUE },
};

static const struct option git_options[] = {
	{ "-b", OPTION_REVISION },
	{ "--branch", OPTION_REVISION },
	{ "-c", OPTION_VALUE },
	{ "--config", OPTION_VALUE },
	{ "--depth", OPTION_VALUE },
	{ "--filter", OPTION_VALUE },
	{ "-I", OPTION_VALUE },
	{ "--include", OPTION_VALUE },
	{ "-j", OPTION_VALUE },
	{ "--jobs", OPTION_VALUE },
	{ "-o", OPTION_VALUE },
	{ "--origin", OPTION_VALUE },
	{ "--reference", OPTION_VALUE },
	{ "--separate-git-dir", OPTION_VALUE },
	{ "--shallow-since", OPTION_VALUE },
	{ "--template", OPTION_VALUE },
	{ "-u", OPTION_VALUE },
	{ "--upload-pack", OPTION_VALUE },
	{ "-X", OPTION_VALUE },
	{ "--exclude", OPTION_VALUE },
};

#define FAMILY(text, kind, table)                                                             \
	{                                                                                     \
		.form = (text), .operands = (kind), .options = (table), .n = ARRAY_LEN(table) \
	}

static const struct family hf_family =
	FAMILY("an hf command", OPERANDS_REPO_AND_FILES, hf_options);
static const struct family llama_family =
	FAMILY("a llama.cpp command", OPERANDS_NONE, llama_options);
static const struct family ollama_family =
	FAMILY("an ollama command", OPERANDS_ADDRESS, ollama_options);
/* Of what fetches models by their names. */
static const struct family fetch_family =
	FAMILY("a command that fetches a model", OPERANDS_REPO, ollama_options);
static const struct family serve_family =
	FAMILY("a command that serves a model", OPERANDS_REPO, serve_options);
static const struct family git_family = FAMILY("a git command", OPERANDS_ADDRESS, git_options);

/* --- which command it is --- */

static bool is_one_of(struct str word, const char *const *words, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		if (str_is_equal(word, str_from(words[i])))
			return true;
	}
	return false;
}

/* NAME=value before the program. */
static bool is_assignment(struct str word)
{
	size_t equals = str_find_char(word, '=');

	for (size_t i = 0; i < equals; i++) {
		if (!char_is_alnum(word.p[i]) && word.p[i] != '_')
			return false;
	}
	return equals > 0 && equals < word.n;
}

/* The place of the program: behind prompts, assignments, and programs that run others. */
static size_t skip_prefixes(const struct paste_words *w)
{
	static const char *const runners[] = { "$",      "%",    "!",      "%%bash", ">",
					       "PS>",    "sudo", "env",    "time",   "nohup",
					       "exec",   "uvx",  "uv",     "run",    "pipx",
					       "poetry", "nice", "command" };
	static const char *const with_value[] = { "-u", "-g", "--from", "--with" };
	size_t i = 0;

	for (; i < w->n; i++) {
		struct str word = paste_words_at(w, i);

		if (i > 0 && is_one_of(word, with_value, ARRAY_LEN(with_value)))
			i++;
		else if (!is_one_of(word, runners, ARRAY_LEN(runners)) &&
			 !is_assignment(word) && (i == 0 || !str_has_prefix(word, S("-"))))
			break;
	}
	return i;
}

/* The program's name without folder, prompt and extension. */
static struct str program_name(struct str word)
{
	if (str_has_prefix(word, S("!")))
		word = str_sub(word, 1, word.n);
	word = relpath_basename(word);
	if (str_has_suffix_nocase(word, S(".exe")))
		word = str_sub(word, 0, word.n - S(".exe").n);
	return word;
}

static size_t skip_git_options(const struct paste_words *w, size_t i)
{
	while (str_has_prefix(paste_words_at(w, i), S("-"))) {
		struct str word = paste_words_at(w, i);

		i += str_is_equal(word, S("-C")) || str_is_equal(word, S("-c")) ? 2 : 1;
	}
	return i;
}

/* `python -m vllm.entrypoints.openai.api_server`. */
static bool is_serving_module(const struct paste_words *w, size_t i)
{
	struct str module = paste_words_at(w, i + 1);

	return str_is_equal(paste_words_at(w, i), S("-m")) &&
	       (str_has_prefix(module, S("vllm")) || str_has_prefix(module, S("sglang")) ||
		str_has_prefix(module, S("mlx_lm")) || str_has_prefix(module, S("mlx_vlm")));
}

/* Of a container that is run: what its program is told stands behind the image, whose name
 * tells nothing. NULL when no model is named there. */
static const struct family *find_in_container(const struct paste_words *w, size_t i)
{
	for (; i < w->n; i++) {
		struct str word = paste_words_at(w, i);
		struct str name = str_sub(word, 0, str_find_char(word, '='));

		if (str_is_equal(name, S("-hf")) || str_is_equal(name, S("--hf-repo")))
			return &llama_family;
		if (str_is_equal(name, S("--model")) || str_is_equal(name, S("--model-id")) ||
		    str_is_equal(name, S("--model-path")))
			return &serve_family;
	}
	return NULL;
}

/* Programs whose first argument is no verb. */
static bool is_server(struct str program)
{
	static const char *const servers[] = { "text-generation-launcher", "optimum-cli" };

	return is_one_of(program, servers, ARRAY_LEN(servers)) ||
	       str_has_prefix(program, S("mlx_lm.")) || str_has_prefix(program, S("mlx_vlm."));
}

/* The family of the command, and where its arguments begin; NULL for all others. */
static const struct family *find_family(const struct paste_words *w, size_t *ret_at)
{
	static const char *const pulls[] = { "run", "pull" };
	size_t i = skip_prefixes(w);
	struct str program = program_name(paste_words_at(w, i));
	struct str verb = paste_words_at(w, i + 1);

	*ret_at = i + 2;
	if ((str_is_equal(program, S("hf")) || str_is_equal(program, S("huggingface-cli"))) &&
	    str_is_equal(verb, S("download")))
		return &hf_family;
	if (str_is_equal(program, S("ollama")) && is_one_of(verb, pulls, ARRAY_LEN(pulls)))
		return &ollama_family;
	if ((str_is_equal(program, S("vllm")) || str_is_equal(program, S("sglang"))) &&
	    str_is_equal(verb, S("serve")))
		return &serve_family;
	if ((str_is_equal(program, S("lms")) || str_is_equal(program, S("larder"))) &&
	    str_is_equal(verb, S("get")))
		return &fetch_family;
	if ((str_is_equal(program, S("docker")) || str_is_equal(program, S("podman"))) &&
	    str_is_equal(verb, S("run")))
		return find_in_container(w, i + 2);
	if (str_is_equal(program, S("lmdeploy")) && str_is_equal(verb, S("serve"))) {
		*ret_at = i + 3; /* "api_server" */
		return &serve_family;
	}
	if (str_is_equal(program, S("git"))) {
		i = skip_git_options(w, i + 1);
		i += str_is_equal(paste_words_at(w, i), S("lfs")) ? 1 : 0;
		*ret_at = i + 1;
		return str_is_equal(paste_words_at(w, i), S("clone")) ? &git_family : NULL;
	}
	*ret_at = i + 1;
	if (str_is_equal(program, S("llama")) || str_has_prefix(program, S("llama-")))
		return &llama_family;
	if (is_server(program))
		return &serve_family;
	*ret_at = i + 3;
	if (str_has_prefix(program, S("python")) && is_serving_module(w, i + 1))
		return &serve_family;
	return NULL;
}

/* --- its arguments --- */

struct arguments {
	struct paste *p;
	const struct family *family;
	const struct paste_words *words;
	struct str endpoint;
	size_t at;
	struct str *operands;
	size_t n_operands;
	bool first_is_operand; /* nothing stood between the verb and the first operand */
	bool has_repo_option;
	struct str file;
};

static const struct option *find_option(const struct family *family, struct str name)
{
	for (size_t i = 0; i < family->n; i++) {
		if (str_is_equal(name, str_from(family->options[i].name)))
			return &family->options[i];
	}
	return NULL;
}

static bool is_option(struct str word)
{
	return word.n > 1 && word.p[0] == '-';
}

static int use_value(struct arguments *a, const struct option *option, struct str value,
		     struct error *err)
{
	switch (option->meaning) {
	case OPTION_REPO:
		a->has_repo_option = true;
		return paste_link_read(a->p, value, a->endpoint, err);
	case OPTION_REVISION:
		return paste_draft_set_revision(a->p, value, err);
	case OPTION_TYPE:
		return paste_draft_set_type_name(a->p, value, err);
	case OPTION_INCLUDE:
		return paste_draft_add_select(a->p, value, err);
	case OPTION_EXCLUDE:
		return paste_draft_add_exclude(a->p, value, err);
	case OPTION_FILE:
		a->file = value;
		return 0;
	case OPTION_VALUE:
	case OPTION_MEANING_COUNT:
		break;
	}
	return 0;
}

/* Older clients take several patterns behind one option. They do so only once the repository is
 * known: else the next word is it. */
static int use_more_patterns(struct arguments *a, const struct option *option,
			     struct error *err)
{
	bool is_pattern =
		option->meaning == OPTION_INCLUDE || option->meaning == OPTION_EXCLUDE;

	while (is_pattern && a->n_operands > 0 && a->at < a->words->n &&
	       !is_option(paste_words_at(a->words, a->at))) {
		if (use_value(a, option, paste_words_at(a->words, a->at++), err) != 0)
			return -1;
	}
	return 0;
}

/* The option at the cursor, which stands behind its value after. Unknown ones are skipped
 * without a value. */
static int use_option(struct arguments *a, struct error *err)
{
	struct str word = paste_words_at(a->words, a->at++);
	size_t equals = str_find_char(word, '=');
	const struct option *option = find_option(a->family, str_sub(word, 0, equals));

	if (option == NULL)
		return 0;
	if (equals < word.n)
		return use_value(a, option, str_sub(word, equals + 1, word.n), err);
	if (a->at == a->words->n)
		return error_set_field(err, "repo", "nothing follows the option %s",
				       quote_text(word).text);
	if (use_value(a, option, paste_words_at(a->words, a->at++), err) != 0)
		return -1;
	return use_more_patterns(a, option, err);
}

static int scan(struct arguments *a, struct error *err)
{
	size_t first = a->at;
	bool has_only_operands = false;

	while (a->at < a->words->n) {
		struct str word = paste_words_at(a->words, a->at);

		if (has_only_operands || !is_option(word)) {
			a->first_is_operand = a->first_is_operand || a->at == first;
			a->operands[a->n_operands++] = word;
			a->at++;
		} else if (str_is_equal(word, S("--"))) {
			has_only_operands = true;
			a->at++;
		} else if (use_option(a, err) != 0) {
			return -1;
		}
	}
	return 0;
}

static bool looks_like_repo(const struct arguments *a, struct str word)
{
	struct error ignored;
	struct str name = str_sub(word, 0, str_find_char(word, ':'));

	return paste_link_is_address(word, a->endpoint) ||
	       (str_find_char(word, '/') < word.n && repo_id_check(name, &ignored) == 0);
}

/* The operand that is the repository. An unknown option may have a value among the operands, so
 * one that looks like a repository is preferred to one that stands early. */
static struct str find_repo(const struct arguments *a)
{
	if (a->first_is_operand || a->family->operands == OPERANDS_REPO_AND_FILES)
		return a->operands[0];
	for (size_t i = 0; i < a->n_operands; i++) {
		if (looks_like_repo(a, a->operands[i]))
			return a->operands[i];
	}
	return a->operands[0];
}

static int use_operands(struct arguments *a, struct error *err)
{
	struct str repo;

	if (a->family->operands == OPERANDS_NONE || a->n_operands == 0)
		return 0;
	/* `--model` names it: what else stands there are values of unknown options. */
	if (a->family->operands == OPERANDS_REPO && a->has_repo_option)
		return 0;
	repo = find_repo(a);
	if (a->family->operands == OPERANDS_ADDRESS &&
	    !paste_link_is_address(repo, a->endpoint))
		return error_set_field(err, "repo",
				       "%s is not an address of the Hub, like hf.co/owner/name",
				       quote_text(repo).text);
	if (paste_link_read(a->p, repo, a->endpoint, err) != 0)
		return -1;
	for (size_t i = 1; a->family->operands == OPERANDS_REPO_AND_FILES && i < a->n_operands;
	     i++) {
		if (paste_draft_add_select(a->p, a->operands[i], err) != 0)
			return -1;
	}
	return 0;
}

static int use_file(struct arguments *a, struct error *err)
{
	if (a->file.n == 0)
		return 0;
	paste_draft_clear_select(a->p);
	return paste_draft_add_select(a->p, a->file, err);
}

int paste_command_read(struct paste *p, const struct paste_words *words, struct str endpoint,
		       struct error *err)
{
	struct arguments a = { .p = p, .words = words, .endpoint = endpoint };
	int result;

	a.family = find_family(words, &a.at);
	if (a.family == NULL)
		return 0;
	a.operands = mem_array(words->n, sizeof(*a.operands));
	result = scan(&a, err);
	if (result == 0)
		result = use_operands(&a, err);
	if (result == 0)
		result = use_file(&a, err);
	free(a.operands);
	if (result != 0)
		return -1;
	if (p->repo == NULL)
		return error_set_field(err, "repo", "it is %s, but names no repository",
				       a.family->form);
	paste_draft_set_form(p, a.family->form);
	return 1;
}

/* An address as it stands in prose or Markdown: without what is around it. */
static struct str bare_word(struct str word)
{
	static const struct str before = { "(<[\"'`", 6 };
	static const struct str behind = { ")>].,;:!?\"'`", 12 };
	size_t link = str_find(word, S("]("));

	if (link < word.n)
		word = str_sub(word, link + 2, word.n);
	while (word.n > 0 && str_find_char(before, word.p[0]) < before.n)
		word = str_sub(word, 1, word.n);
	while (word.n > 0 && str_find_char(behind, word.p[word.n - 1]) < behind.n)
		word = str_sub(word, 0, word.n - 1);
	return word;
}

int paste_command_read_addresses(struct paste *p, const struct paste_words *words,
				 struct str endpoint, struct error *err)
{
	struct str program = program_name(paste_words_at(words, skip_prefixes(words)));
	bool is_fetch = str_is_equal(program, S("wget")) || str_is_equal(program, S("curl"));
	bool is_whole = false;
	bool has_any = false;

	for (size_t i = 0; i < words->n; i++) {
		struct str word = bare_word(paste_words_at(words, i));
		size_t n_before = p->n_select;

		if (!paste_link_is_address(word, endpoint))
			continue;
		if (paste_link_read(p, word, endpoint, err) != 0)
			return -1;
		is_whole = is_whole || p->n_select == n_before;
		has_any = true;
	}
	if (!has_any)
		return 0;
	if (is_whole)
		paste_draft_clear_select(p);
	paste_draft_set_form(p, is_fetch ? "a command with a web address" : "a web address");
	return 1;
}
