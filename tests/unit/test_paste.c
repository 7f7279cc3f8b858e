#include "downloader/paste.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/buf.h"
#include "common/error.h"

#define MIRROR "http://127.0.0.1:8081"

/* Lists are written with a space between their terms; NULL and "" mean none. */
struct row {
	const char *text;
	const char *repo;
	const char *select;
	const char *exclude;
	const char *revision;
	bool is_dataset;
};

static void check_list(char *const *terms, size_t n, const char *expected)
{
	AUTO(buf) list = buf_new(PASTE_MAX);

	for (size_t i = 0; i < n; i++)
		buf_addf(list, "%s%s", i > 0 ? " " : "", terms[i]);
	assert_string_equal(buf_cstr(list), expected != NULL ? expected : "");
}

static void check_form(const struct row *row, const char *form)
{
	struct error err = { .text = "" };
	AUTO(paste) p = paste_parse(str_from(row->text), S(MIRROR), &err);

	if (p == NULL)
		fail_msg("%s: %s", row->text, err.text);
	assert_string_equal(p->repo, row->repo);
	check_list(p->select, p->n_select, row->select);
	check_list(p->exclude, p->n_exclude, row->exclude);
	if (row->revision == NULL)
		assert_null(p->revision);
	else
		assert_string_equal(p->revision, row->revision);
	assert_int_equal(p->type, row->is_dataset ? REPO_DATASET : REPO_MODEL);
	assert_true(p->type_is_given || !row->is_dataset);
	assert_string_equal(p->form, form);
}

static void check_all(const struct row *rows, size_t n, const char *form)
{
	for (size_t i = 0; i < n; i++)
		check_form(&rows[i], form);
}

static void a_name_is_a_repository(void **state)
{
	static const struct row rows[] = {
		{ "acme/tiny-7b-GGUF", "acme/tiny-7b-GGUF", NULL, NULL, NULL, false },
		{ "  acme/x\r\n", "acme/x", NULL, NULL, NULL, false },
		{ "\"acme/x\"", "acme/x", NULL, NULL, NULL, false },
		{ "`acme/x`", "acme/x", NULL, NULL, NULL, false },
		{ "gpt2", "gpt2", NULL, NULL, NULL, false },
		{ "acme/x:Q4_K_M", "acme/x", "Q4_K_M", NULL, NULL, false },
		{ "acme/x:UD-Q4_K_XL", "acme/x", "UD-Q4_K_XL", NULL, NULL, false },
		{ "acme/x:tiny-Q4.gguf", "acme/x", "tiny-Q4.gguf", NULL, NULL, false },
		{ "acme/x:instruct", "acme/x", "instruct", NULL, NULL, false },
		{ "acme/x:latest", "acme/x", NULL, NULL, NULL, false },
		{ "datasets/acme/words", "acme/words", NULL, NULL, NULL, true },
		{ "models/acme/x", "acme/x", NULL, NULL, NULL, false },
	};

	(void)state;
	check_all(rows, ARRAY_LEN(rows), "a repository");
}

static void addresses_of_the_hub_are_understood(void **state)
{
#define HUB "https://huggingface.co"
	static const struct row rows[] = {
		{ HUB "/acme/x", "acme/x", NULL, NULL, NULL, false },
		{ HUB "/acme/x/", "acme/x", NULL, NULL, NULL, false },
		{ "http://HuggingFace.co:443/acme/x", "acme/x", NULL, NULL, NULL, false },
		{ "https://www.huggingface.co/acme/x", "acme/x", NULL, NULL, NULL, false },
		{ "huggingface.co/acme/x", "acme/x", NULL, NULL, NULL, false },
		{ "hf.co/acme/x:Q4_K_M", "acme/x", "Q4_K_M", NULL, NULL, false },
		{ "https://hf.co/acme/x:latest", "acme/x", NULL, NULL, NULL, false },
		{ HUB "/gpt2", "gpt2", NULL, NULL, NULL, false },
		{ HUB "/gpt2/blob/main/config.json", "gpt2", "config.json", NULL, "main",
		  false },
		{ HUB "/acme/tree", "acme/tree", NULL, NULL, NULL, false },
		{ HUB "/acme/x/tree/main", "acme/x", NULL, NULL, "main", false },
		{ HUB "/acme/x/tree/v1/UD-IQ1_M", "acme/x", "UD-IQ1_M/", NULL, "v1", false },
		{ HUB "/acme/x/tree/v1/a%5B1%5D/b", "acme/x", "a[[]1]/b/", NULL, "v1", false },
		{ HUB "/acme/x/blob/main/a/b.gguf", "acme/x", "a/b.gguf", NULL, "main", false },
		{ HUB "/acme/x/resolve/main/m.gguf?download=true", "acme/x", "m.gguf", NULL,
		  "main", false },
		{ HUB "/acme/x/resolve/refs%2Fpr%2F1/a%20b%2Bc%23.gguf", "acme/x",
		  "a b+c#.gguf", NULL, "refs/pr/1", false },
		{ HUB "/acme/x/raw/refs/pr/1/a.txt#L3", "acme/x", "a.txt", NULL, "refs/pr/1",
		  false },
		{ HUB "/acme/x/resolve/main/x(1).gguf", "acme/x", "x(1).gguf", NULL, "main",
		  false },
		{ HUB "/acme/x/commit/1111111111111111111111111111111111111111", "acme/x", NULL,
		  NULL, "1111111111111111111111111111111111111111", false },
		{ HUB "/acme/x/discussions/3", "acme/x", NULL, NULL, NULL, false },
		{ HUB "/acme/x?show_file_info=a%2Fm-Q4_K_M.gguf", "acme/x", "a/m-Q4_K_M.gguf",
		  NULL, NULL, false },
		{ HUB "/datasets/acme/words", "acme/words", NULL, NULL, NULL, true },
		{ HUB "/datasets/acme/words/blob/main/a.txt", "acme/words", "a.txt", NULL,
		  "main", true },
		{ HUB "/api/models/acme/x/revision/v1", "acme/x", NULL, NULL, "v1", false },
		{ HUB "/acme/x.git", "acme/x", NULL, NULL, NULL, false },
		{ "https://user:hf_secret@huggingface.co/acme/x", "acme/x", NULL, NULL, NULL,
		  false },
		{ "git@hf.co:acme/x", "acme/x", NULL, NULL, NULL, false },
		{ MIRROR "/acme/x", "acme/x", NULL, NULL, NULL, false },
		{ "127.0.0.1:8081/acme/x/tree/main", "acme/x", NULL, NULL, "main", false },
		{ "hf://acme/x", "acme/x", NULL, NULL, NULL, false },
		{ "hf://datasets/acme/words@v1/a/b.txt", "acme/words", "a/b.txt", NULL, "v1",
		  true },
		{ "see https://huggingface.co/acme/x for more", "acme/x", NULL, NULL, NULL,
		  false },
		{ HUB "/acme/x\n" HUB "/acme/x/blob/main/a", "acme/x", NULL, NULL, "main",
		  false },
		{ HUB "/acme/x/blob/main/a\n" HUB "/acme/x/blob/main/b", "acme/x", "a b", NULL,
		  "main", false },
	};

	(void)state;
	check_all(rows, ARRAY_LEN(rows), "a web address");
}

static void an_endpoint_may_have_a_path_of_its_own(void **state)
{
	struct error err;
	struct paste *p = paste_parse(S("https://mirror.example/hub/acme/x/tree/v1"),
				      S("https://mirror.example/hub"), &err);

	(void)state;
	assert_non_null(p);
	assert_string_equal(p->repo, "acme/x");
	assert_string_equal(p->revision, "v1");
	paste_free(&p);
	assert_null(p);
	assert_null(paste_parse(S("https://mirror.example/hubris/x"),
				S("https://mirror.example/hub"), &err));
}

static void hf_commands_are_understood(void **state)
{
	static const struct row rows[] = {
		{ "hf download acme/tiny-7b-GGUF tiny-7b-Q4_K_M.gguf --revision v1",
		  "acme/tiny-7b-GGUF", "tiny-7b-Q4_K_M.gguf", NULL, "v1", false },
		{ "hf download acme/x --include \"*Q4*\" --exclude \"*.md\"", "acme/x", "*Q4*",
		  "*.md", NULL, false },
		{ "hf download --include '*Q4*' acme/x", "acme/x", "*Q4*", NULL, NULL, false },
		{ "huggingface-cli download acme/x --include \"a*\" \"b*\" --local-dir ./m",
		  "acme/x", "a* b*", NULL, NULL, false },
		{ "hf download acme/x --include=a --include=b --quiet", "acme/x", "a b", NULL,
		  NULL, false },
		{ "hf download acme/words --repo-type dataset", "acme/words", NULL, NULL, NULL,
		  true },
		{ "hf download --repo-type=dataset acme/words a.txt", "acme/words", "a.txt",
		  NULL, NULL, true },
		{ "huggingface-cli download gpt2 onnx/config.json", "gpt2", "onnx/config.json",
		  NULL, NULL, false },
		{ "$ hf download acme/x art/", "acme/x", "art/", NULL, NULL, false },
		{ "HF_HUB_ENABLE_HF_TRANSFER=1 sudo -u bob hf download acme/x", "acme/x", NULL,
		  NULL, NULL, false },
		{ "!huggingface-cli download acme/x", "acme/x", NULL, NULL, NULL, false },
		{ "uvx --from huggingface_hub hf download acme/x", "acme/x", NULL, NULL, NULL,
		  false },
		{ "pip install -U huggingface_hub\nhf download acme/x # the model", "acme/x",
		  NULL, NULL, NULL, false },
		{ "hf download acme/x \\\n  --revision v1 \\\r\n  a.gguf", "acme/x", "a.gguf",
		  NULL, "v1", false },
		{ "hf download acme/x ^\r\n  a.gguf", "acme/x", "a.gguf", NULL, NULL, false },
		{ "hf download acme/x --token hf_secret --max-workers 8 -- a b", "acme/x",
		  "a b", NULL, NULL, false },
		{ "cd /tmp && hf download acme/x a; ls", "acme/x", "a", NULL, NULL, false },
		{ "hf download acme/x a\nhf download acme/x b", "acme/x", "a b", NULL, NULL,
		  false },
		{ "hf download acme/x a\nhf download acme/x", "acme/x", NULL, NULL, NULL,
		  false },
		{ "hf download https://huggingface.co/acme/x", "acme/x", NULL, NULL, NULL,
		  false },
	};

	(void)state;
	check_all(rows, ARRAY_LEN(rows), "an hf command");
}

static void llama_commands_are_understood(void **state)
{
	static const struct row rows[] = {
		{ "llama-server -hf acme/x:Q4_K_M -c 8192 --port 8080", "acme/x", "Q4_K_M",
		  NULL, NULL, false },
		{ "./build/bin/llama-cli -hfr acme/x -p \"-hf other/y\"", "acme/x", NULL, NULL,
		  NULL, false },
		{ "llama-server --hf-repo acme/x --hf-file x-q8_0.gguf -ngl 99", "acme/x",
		  "x-q8_0.gguf", NULL, NULL, false },
		{ "llama-server -hff a.gguf -hf acme/x:Q4_K_M", "acme/x", "a.gguf", NULL, NULL,
		  false },
		{ "llama-server.exe -hf acme/x:latest", "acme/x", NULL, NULL, NULL, false },
	};

	(void)state;
	check_all(rows, ARRAY_LEN(rows), "a llama.cpp command");
}

static void ollama_commands_are_understood(void **state)
{
	static const struct row rows[] = {
		{ "ollama run hf.co/acme/x:Q4_K_M", "acme/x", "Q4_K_M", NULL, NULL, false },
		{ "ollama run --verbose hf.co/acme/x:latest \"tell me a/story\"", "acme/x",
		  NULL, NULL, NULL, false },
		{ "ollama pull huggingface.co/acme/x", "acme/x", NULL, NULL, NULL, false },
		{ "ollama run --keepalive 5m hf.co/acme/x:x-Q8_0.gguf", "acme/x", "x-Q8_0.gguf",
		  NULL, NULL, false },
	};

	(void)state;
	check_all(rows, ARRAY_LEN(rows), "an ollama command");
}

static void commands_that_serve_are_understood(void **state)
{
	static const struct row rows[] = {
		{ "vllm serve acme/x --revision abc --tensor-parallel-size 2", "acme/x", NULL,
		  NULL, "abc", false },
		{ "vllm serve --model acme/x", "acme/x", NULL, NULL, NULL, false },
		{ "vllm serve --model=acme/x --port 8000", "acme/x", NULL, NULL, NULL, false },
		{ "vllm serve --unknown-option 2 acme/x", "acme/x", NULL, NULL, NULL, false },
		{ "vllm serve gpt2 --unknown-option a/b", "gpt2", NULL, NULL, NULL, false },
		{ "vllm serve acme/x:Q4_K_M --tokenizer acme/y", "acme/x", "Q4_K_M", NULL, NULL,
		  false },
		{ "python -m vllm.entrypoints.openai.api_server --model acme/x", "acme/x", NULL,
		  NULL, NULL, false },
		{ "CUDA_VISIBLE_DEVICES=0,1 python3 -m sglang.launch_server --model-path "
		  "acme/x "
		  "--tp 2",
		  "acme/x", NULL, NULL, NULL, false },
	};

	(void)state;
	check_all(rows, ARRAY_LEN(rows), "a command that serves a model");
}

static void git_commands_are_understood(void **state)
{
	static const struct row rows[] = {
		{ "git clone https://huggingface.co/acme/x", "acme/x", NULL, NULL, NULL,
		  false },
		{ "git lfs install\ngit clone https://huggingface.co/acme/x", "acme/x", NULL,
		  NULL, NULL, false },
		{ "git lfs clone https://huggingface.co/acme/x.git here", "acme/x", NULL, NULL,
		  NULL, false },
		{ "GIT_LFS_SKIP_SMUDGE=1 git -C /tmp clone -b v1 --depth 1 git@hf.co:acme/x",
		  "acme/x", NULL, NULL, "v1", false },
		{ "git clone https://huggingface.co/datasets/acme/words", "acme/words", NULL,
		  NULL, NULL, true },
		{ "git clone ssh://git@hf.co/acme/x", "acme/x", NULL, NULL, NULL, false },
	};

	(void)state;
	check_all(rows, ARRAY_LEN(rows), "a git command");
}

static void addresses_in_other_commands_are_found(void **state)
{
	static const struct row rows[] = {
		{ "wget https://huggingface.co/acme/x/resolve/main/m.gguf?download=true",
		  "acme/x", "m.gguf", NULL, "main", false },
		{ "curl -L -o m.gguf \"https://huggingface.co/acme/x/resolve/main/m.gguf\"",
		  "acme/x", "m.gguf", NULL, "main", false },
		{ "curl -H 'Authorization: Bearer hf_x' -LO hf.co/acme/x/resolve/v1/a",
		  "acme/x", "a", NULL, "v1", false },
	};

	(void)state;
	check_all(rows, ARRAY_LEN(rows), "a command with a web address");
}

static void python_lines_are_understood(void **state)
{
	static const struct row rows[] = {
		{ "model = AutoModel.from_pretrained(\"acme/x\")", "acme/x", NULL, NULL, NULL,
		  false },
		{ "AutoModel.from_pretrained('acme/x', revision='v1', torch_dtype=torch.f(1, "
		  "2))",
		  "acme/x", NULL, NULL, "v1", false },
		{ "from huggingface_hub import snapshot_download\n"
		  "snapshot_download(\n    repo_id=\"acme/x\",\n    local_dir=\"a/b\",\n"
		  "    allow_patterns=[\"*.gguf\", '*.json'], ignore_patterns=\"*.md\",\n)\n",
		  "acme/x", "*.gguf *.json", "*.md", NULL, false },
		{ "hf_hub_download(\"acme/x\", \"m.gguf\")", "acme/x", "m.gguf", NULL, NULL,
		  false },
		{ "hf_hub_download(repo_id=\"acme/words\", filename=\"a\", "
		  "repo_type=\"dataset\")",
		  "acme/words", "a", NULL, NULL, true },
		{ "ds = load_dataset(\"acme/words\", \"en\")", "acme/words", NULL, NULL, NULL,
		  true },
		{ "Llama.from_pretrained(repo_id=\"acme/x\", filename=\"*Q4_K_M.gguf\")",
		  "acme/x", "*Q4_K_M.gguf", NULL, NULL, false },
		{ "tok = T.from_pretrained(\"acme/x\")\nm = M.from_pretrained(\"acme/x\")",
		  "acme/x", NULL, NULL, NULL, false },
		{ "pipe = pipeline(\"text-generation\", model=\"acme/x\")", "acme/x", NULL,
		  NULL, NULL, false },
		{ "python -c \"from transformers import AutoModel; "
		  "AutoModel.from_pretrained('acme/x')\"",
		  "acme/x", NULL, NULL, NULL, false },
	};

	(void)state;
	check_all(rows, ARRAY_LEN(rows), "a Python line");
}

static void other_texts_are_refused_with_a_sentence(void **state)
{
	static const struct {
		struct str text;
		const char *part; /* of the sentence */
	} rows[] = {
#define ROW(literal, sentence) { { (literal), sizeof(literal) - 1 }, (sentence) }
		ROW("", "empty"),
		ROW("  \n", "empty"),
		ROW("a/b/c", "more than one \"/\""),
		ROW("--", "--"),
		ROW("../", "repo \"../\""),
		ROW("a//b", "more than one \"/\""),
		ROW("/a/b", "more than one \"/\""),
		ROW("acme/x\x01", "control character, at byte 7"),
		ROW("acme/x\0y", "not UTF-8"),
		ROW("acme/\xff", "not UTF-8"),
		ROW("acme/x:", "nothing follows the \":\""),
		ROW("acme/x:a*b", "what follows the \":\""),
		ROW("acme%2Fx", "repo \"acme%2Fx\""),
		ROW("https://example.com/acme/x", "the host \"example.com\" is not the Hub"),
		ROW("https://user:secret@example.com/acme/x", "the host \"example.com\""),
		ROW("example.com/acme/x", "the host \"example.com\""),
		ROW("https://huggingface.co.example.com/acme/x", "is not the Hub"),
		ROW("https://huggingface.co@example.com/acme/x", "the host \"example.com\""),
		ROW("http://127.0.0.1:8082/acme/x", "127.0.0.1:8081"),
		ROW("ftp://huggingface.co/acme/x", "\"ftp://\""),
		ROW("https://huggingface.co", "names no repository"),
		ROW("https://huggingface.co/", "names no repository"),
		ROW("https://huggingface.co/datasets", "a page of the Hub"),
		ROW("https://huggingface.co/docs/hub/models", "a page of the Hub"),
		ROW("https://huggingface.co/spaces/acme/x",
		    "spaces of the Hub are not supported"),
		ROW("https://huggingface.co/kernels/acme/x", "kernels of the Hub are not"),
		ROW("https://huggingface.co/buckets/acme/x", "buckets of the Hub are not"),
		ROW("spaces/acme/x", "spaces of the Hub are not supported"),
		ROW("https://huggingface.co/acme/x/nonsense/y", "\"nonsense\""),
		ROW("https://huggingface.co/acme/x/blob/main/..%2Fy", "path"),
		ROW("https://huggingface.co/acme/x/blob/main/a%00b", "path"),
		ROW("https://huggingface.co/acme/x/blob/a..b/y", "revision"),
		ROW("https://huggingface.co/a%2Fb/c", "more than one"),
		ROW("hf download", "names no repository"),
		ROW("hf download acme/x --revision", "nothing follows the option"),
		ROW("hf download acme/x --revision a..b", "revision"),
		ROW("hf download acme/x --repo-type space", "\"space\" are not supported"),
		ROW("hf download acme/x --include \"\"", "is empty"),
		ROW("hf download acme/x --include /a/", "begins with \"/\""),
		ROW("hf download acme/x\nhf download acme/y", "two repositories"),
		ROW("hf download acme/x --revision a\nhf download acme/x --revision b",
		    "two revisions"),
		ROW("vllm serve acme/x\nvllm serve acme/y", "two repositories"),
		ROW("hf download https://huggingface.co/datasets/a/b --repo-type model",
		    "both that it is a model and a dataset"),
		ROW("hf upload acme/x .", "neither a repository"),
		ROW("llama-server -m x.gguf", "names no repository"),
		ROW("ollama run llama3", "\"llama3\" is not an address of the Hub"),
		ROW("ollama list", "neither a repository"),
		ROW("vllm serve ./local/model", "repo"),
		ROW("git clone https://example.com/acme/x", "\"example.com\" is not the Hub"),
		ROW("git pull", "neither a repository"),
		ROW("from_pretrained(name)", "no repository in quotes"),
		ROW("please fetch acme/x", "it begins with \"please\""),
		ROW("; ; ;", "it begins with \"\""),
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct error err = { .code = ERR_NONE };
		AUTO(paste) p = paste_parse(rows[i].text, S(MIRROR), &err);

		if (p != NULL || strstr(err.text, rows[i].part) == NULL)
			fail_msg("row %zu: %s", i, err.text);
		assert_int_equal(err.code, ERR_INVALID);
		assert_string_equal(err.field, "repo");
		assert_null(strstr(err.text, "secret"));
		assert_true(str_is_utf8(str_from(err.text)));
	}
}

static void a_text_has_a_greatest_length(void **state)
{
	char text[10000];
	struct error err;

	(void)state;
	memset(text, 'a', sizeof(text));
	assert_null(paste_parse((struct str){ text, sizeof(text) }, S(MIRROR), &err));
	assert_string_equal(err.text, "the text is longer than 8192 bytes");
	assert_null(paste_parse((struct str){ text, PASTE_MAX }, S(MIRROR), &err));
	assert_non_null(strstr(err.text, "longer than 96 characters"));
}

static void terms_have_a_greatest_number(void **state)
{
	AUTO(buf) text = buf_new(PASTE_MAX);
	struct paste *p;
	struct error err;

	(void)state;
	buf_add(text, S("hf download acme/x"));
	for (unsigned i = 0; i < PASTE_TERMS_MAX; i++)
		buf_addf(text, " f%u", i);
	p = paste_parse(buf_str(text), S(MIRROR), &err);
	assert_non_null(p);
	assert_int_equal(p->n_select, PASTE_TERMS_MAX);
	paste_free(&p);
	buf_add(text, S(" one-more"));
	assert_null(paste_parse(buf_str(text), S(MIRROR), &err));
	assert_non_null(strstr(err.text, "more than 128"));
}

/* What it means, as the list writes it. */
static char *write_down(const struct paste *p)
{
	AUTO(buf) b = buf_new(4 * (size_t)PASTE_MAX);

	buf_addf(b, "%s%s", p->type == REPO_DATASET ? "datasets/" : "", p->repo);
	if (p->revision != NULL)
		buf_addf(b, "@%s", p->revision);
	for (size_t i = 0; i < p->n_select; i++)
		buf_addf(b, " +%s", p->select[i]);
	for (size_t i = 0; i < p->n_exclude; i++)
		buf_addf(b, " -%s", p->exclude[i]);
	return buf_take(b);
}

/* Lines end where the list has its mark. */
static void end_lines(char *text)
{
	static const char mark[] = "\u23ce";
	char *at;

	while ((at = strstr(text, mark)) != NULL) {
		*at = '\n';
		memmove(at + 1, at + strlen(mark), strlen(at + strlen(mark)) + 1);
	}
}

static void the_forms_of_the_world_are_understood(void **state)
{
	FILE *list = fopen("tests/unit/paste_forms.tsv", "re");
	char line[2048];
	size_t n = 0;

	(void)state;
	assert_non_null(list);
	while (fgets(line, sizeof(line), list) != NULL) {
		char *tab = strchr(line, '\t');
		AUTO(paste) p = NULL;
		AUTO_CSTR meaning = NULL;
		struct error err;

		if (line[0] == '#')
			continue;
		assert_non_null(tab);
		*tab++ = '\0';
		tab[strcspn(tab, "\n")] = '\0';
		end_lines(tab);
		p = paste_parse(str_from(tab), S("https://huggingface.co"), &err);
		meaning = p != NULL ? write_down(p) : mem_strdup("!");
		if (strcmp(meaning, line) != 0)
			fail_msg("%s: %s, not %s", tab, p != NULL ? meaning : err.text, line);
		n++;
	}
	(void)fclose(list);
	assert_true(n >= 200);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_name_is_a_repository),
		cmocka_unit_test(addresses_of_the_hub_are_understood),
		cmocka_unit_test(an_endpoint_may_have_a_path_of_its_own),
		cmocka_unit_test(hf_commands_are_understood),
		cmocka_unit_test(llama_commands_are_understood),
		cmocka_unit_test(ollama_commands_are_understood),
		cmocka_unit_test(commands_that_serve_are_understood),
		cmocka_unit_test(git_commands_are_understood),
		cmocka_unit_test(addresses_in_other_commands_are_found),
		cmocka_unit_test(python_lines_are_understood),
		cmocka_unit_test(other_texts_are_refused_with_a_sentence),
		cmocka_unit_test(a_text_has_a_greatest_length),
		cmocka_unit_test(terms_have_a_greatest_number),
		cmocka_unit_test(the_forms_of_the_world_are_understood),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
