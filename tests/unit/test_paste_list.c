#include "downloader/paste_list.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "common/buf.h"

#define ENDPOINT "https://huggingface.co"

/* "KIND: ENTRY | ENTRY": "owner/name+select@folder", or "!text". */
static char *describe(const char *text)
{
	struct error err = { .code = ERR_NONE };
	AUTO(paste_list) list = paste_list_parse(str_from(text), S(ENDPOINT), &err);
	AUTO(buf) b = buf_new(64 * 1024);

	if (list == NULL) {
		assert_string_equal(err.field, "text");
		buf_addf(b, "refused: %s", err.text);
		return buf_take(b);
	}
	buf_addf(b, "%s:", paste_list_kind_name(list->kind));
	for (size_t i = 0; i < list->n; i++) {
		const struct paste_entry *entry = &list->entries[i];

		buf_add(b, i > 0 ? S(" | ") : S(" "));
		if (entry->paste != NULL) {
			buf_add(b, str_from(entry->paste->repo));
			for (size_t j = 0; j < entry->paste->n_select; j++)
				buf_addf(b, "+%s", entry->paste->select[j]);
		} else {
			assert_int_equal(entry->error.code, ERR_INVALID);
			buf_addf(b, "!%s", entry->name != NULL ? entry->name : entry->text);
		}
		if (entry->folder[0] != '\0')
			buf_addf(b, "@%s", entry->folder);
	}
	return buf_take(b);
}

static void lists_are_cut_into_lines(void **state)
{
	static const char *const rows[][2] = {
		{ "acme/a", "one: acme/a" },
		{ "  acme/a:Q4_K_M\n", "one: acme/a+Q4_K_M" },
		{ "acme/a\nacme/b", "lines: acme/a | acme/b" },
		{ "acme/a\r\n\r\nacme/b:Q8_0\r\n", "lines: acme/a | acme/b+Q8_0" },
		{ "# mine\n- acme/a\n* https://huggingface.co/acme/b\n+ acme/c\n1. acme/d\n2) "
		  "acme/e",
		  "lines: acme/a | acme/b | acme/c | acme/d | acme/e" },
		{ "acme/a\nacme/b\nacme/a", "lines: acme/a | acme/b" },
		{ "hf download acme/a \\\n  --include '*.gguf'\nacme/b",
		  "lines: acme/a+*.gguf | acme/b" },
		{ "hf download acme/a \\\n  --include x", "one: acme/a+x" },
		{ "ollama run hf.co/acme/a:Q4_K_M\nllama-server -hf acme/b",
		  "lines: acme/a+Q4_K_M | acme/b" },
		{ "acme/a:Q3_K_M\nllama-server -hf acme/a:Q5_K_M",
		  "lines: acme/a+Q3_K_M | acme/a+Q5_K_M" },
		{ "acme/a:Q3_K_M\nacme/a:Q5_K_M", "lines: acme/a+Q3_K_M | acme/a+Q5_K_M" },
		{ "acme/a, acme/b:Q8_0,acme/c", "lines: acme/a | acme/b+Q8_0 | acme/c" },
		{ "https://huggingface.co/acme/a/resolve/main/x,y/z.gguf",
		  "one: acme/a+x,y/z.gguf" },
		{ "acme/a\nllama-server -hf acme/a:Q5_K_M", "lines: acme/a | acme/a+Q5_K_M" },
		{ "https://huggingface.co/acme/a\nllama-server -hf acme/a:Q5_K_M",
		  "one: acme/a+Q5_K_M" },
		{ "hf download acme/a --exclude *.gguf\nacme/a:Q3_K_M",
		  "lines: acme/a | acme/a+Q3_K_M" },
		{ "acme/a, or so\nacme/b", "lines: !acme/a, or so | acme/b" },
		{ "acme/a\nI like this one very much\nacme/b",
		  "lines: acme/a | !I like this one very much | acme/b" },
		{ "https://huggingface.co/acme/a/resolve/main/x.gguf\n"
		  "https://huggingface.co/acme/a/resolve/main/y.gguf",
		  "one: acme/a+x.gguf+y.gguf" },
		{ "from_pretrained('acme/a')\nfrom_pretrained('acme/b')",
		  "lines: acme/a | acme/b" },
		{ "Take https://huggingface.co/acme/a,\nit is good.", "one: acme/a" },
		{ "hello\nworld of models", "lines: hello | !world of models" },
		{ "https://huggingface.co/acme/a\nhttps://example.com/x/y",
		  "lines: acme/a | !https://example.com/x/y" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		char *text = describe(rows[i][0]);

		assert_string_equal(text, rows[i][1]);
		free(text);
	}
}

static void workflows_tell_models_and_folders(void **state)
{
	static const char *const rows[][2] = {
		/* As it is saved, with a subgraph, the same model twice. */
		{ "{\"nodes\":[{\"id\":1,\"type\":\"VAELoader\",\"properties\":{\"models\":[{"
		  "\"name\":\"ae.safetensors\",\"url\":\"https://huggingface.co/acme/a/resolve/"
		  "main/split_files/vae/ae.safetensors\",\"directory\":\"vae\"}]},"
		  "\"widgets_values\":[\"ae.safetensors\"]}],\"definitions\":{\"subgraphs\":[{"
		  "\"nodes\":[{\"type\":\"UNETLoader\",\"properties\":{\"models\":[{\"name\":"
		  "\"u.safetensors\",\"url\":\"https://huggingface.co/acme/b/resolve/main/"
		  "u.safetensors?download=true\",\"directory\":\"diffusion_models\"}]}},"
		  "{\"type\":\"VAELoader\",\"properties\":{\"models\":[{\"name\":"
		  "\"ae.safetensors\",\"url\":\"https://huggingface.co/acme/a/resolve/main/"
		  "split_files/vae/ae.safetensors\",\"directory\":\"vae\"}]}}]}]}}",
		  "workflow: acme/a+split_files/vae/ae.safetensors@vae | "
		  "acme/b+u.safetensors@diffusion_models" },
		/* As the API takes it: names alone. */
		{ "{\"3\":{\"class_type\":\"KSampler\",\"inputs\":{\"seed\":1}},\"4\":{"
		  "\"class_type\":\"CheckpointLoaderSimple\",\"inputs\":{\"ckpt_name\":"
		  "\"sd.safetensors\"}},\"5\":{\"class_type\":\"DualCLIPLoader\",\"inputs\":{"
		  "\"clip_name1\":\"a.safetensors\",\"clip_name2\":\"b.gguf\",\"type\":"
		  "\"flux\"}}}",
		  "workflow: !sd.safetensors@checkpoints | !a.safetensors@text_encoders | "
		  "!b.gguf@text_encoders" },
		/* Not of the Hub, and a folder that leads away. */
		{ "{\"models\":[{\"name\":\"x.pth\",\"url\":\"https://civitai.com/api/download/"
		  "1\","
		  "\"directory\":\"loras\"},{\"name\":\"y.bin\",\"url\":\"acme/c\","
		  "\"directory\":\"../../etc\"}]}",
		  "workflow: !x.pth@loras | acme/c" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		char *text = describe(rows[i][0]);

		assert_string_equal(text, rows[i][1]);
		free(text);
	}
}

static void what_makes_no_sense_is_refused(void **state)
{
	static const char *const rows[][2] = {
		{ "", "the text is empty" },
		{ "not a model\nneither this one", "neither a repository" },
		{ "{\"a\":1}", "no workflow" },
		{ "{", "begins as JSON" },
		{ "{\"nodes\":[{\"type\":\"KSampler\"}]}", "names no model" },
		{ "\xff", "not UTF-8" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		char *text = describe(rows[i][0]);

		if (strstr(text, "refused: ") != text || strstr(text, rows[i][1]) == NULL)
			fail_msg("%s became %s", rows[i][0], text);
		free(text);
	}
}

static void a_list_has_an_end(void **state)
{
	AUTO(buf) b = buf_new(PASTE_LIST_MAX + 16);
	struct error err;

	(void)state;
	for (unsigned i = 0; i <= PASTE_ENTRIES_MAX; i++)
		buf_addf(b, "acme/model-%u\n", i);
	assert_null(paste_list_parse(buf_str(b), S(ENDPOINT), &err));
	assert_non_null(strstr(err.text, "more than 200"));
	while (buf_str(b).n <= PASTE_LIST_MAX)
		buf_add_char(b, 'x');
	assert_null(paste_list_parse(buf_str(b), S(ENDPOINT), &err));
	assert_non_null(strstr(err.text, "longer"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(lists_are_cut_into_lines),
		cmocka_unit_test(workflows_tell_models_and_folders),
		cmocka_unit_test(what_makes_no_sense_is_refused),
		cmocka_unit_test(a_list_has_an_end),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
