/*
 * The Hub looks for its labels anywhere in the upper-cased path and takes the last one (HUB-API
 * 11.2); a "_" and letters after a label belong to it ("Q6_K" and "_L"). Where we are more
 * exact than the Hub: such letters must end at a border, so that "F16_Q6_K" is Q6_K and not
 * "F16_Q", and a float has none, so that "f16_ct" is F16; what is quantised comes before a
 * float, so that "Q4_K_M-f32" is Q4_K_M; a file's name comes before its folders'. The Hub does
 * not know the types of ik_llama.cpp, in which it sees others ("IQ4_KS" is no "Q4_K"), nor the
 * "q4" of some publishers.
 *
 * No allocation, no copy of the path: a label has at most QUANT_LABEL_MAX - 1 bytes, and the
 * scan looks at each place once.
 */
#include "downloader/quant.h"

#include <string.h>

#include "common/relpath.h"

/* `place` is the order of the Hub from big to small; labels the Hub gives no place have that of
 * their nearest relative, those of ik_llama.cpp of what has as many bits. `bpw_centi` is
 * measured over whole files of Llama-3.1-8B. */
struct row {
	const char *label;
	unsigned place;
	unsigned bpw_centi;
};

static const struct row rows[] = {
	{ "F32", 0, 3200 },         { "FP32", 0, 3200 },    { "BF16", 1, 1600 },
	{ "F16", 2, 1600 },         { "FP16", 2, 1600 },    { "Q8_K_XL", 3, 0 },
	{ "Q8_K", 3, 0 },           { "FP8", 4, 0 },        { "Q8_KV", 4, 0 },
	{ "Q8_0", 4, 850 },         { "Q6_K_XL", 5, 0 },    { "Q6_K_L", 6, 0 },
	{ "Q6_K", 6, 656 },         { "IQ6_K", 6, 0 },      { "Q6_0", 6, 0 },
	{ "Q5_K_XL", 7, 0 },        { "Q5_K_L", 8, 0 },     { "Q5_K_M", 8, 570 },
	{ "Q5_K", 8, 0 },           { "Q5_K_S", 9, 557 },   { "IQ5_K", 9, 0 },
	{ "IQ5_KS", 9, 0 },         { "Q5_0", 10, 0 },      { "Q5_1", 11, 0 },
	{ "Q4_K_XL", 12, 0 },       { "Q4_K_L", 13, 0 },    { "Q4_K_M", 13, 489 },
	{ "Q4_K", 13, 0 },          { "Q4_K_S", 14, 467 },  { "IQ4_K", 14, 0 },
	{ "IQ4_NL", 15, 468 },      { "IQ4_XS", 16, 446 },  { "IQ4_KS", 16, 0 },
	{ "IQ4_KSS", 16, 0 },       { "IQ4_KT", 16, 0 },    { "Q4_0_4_4", 17, 0 },
	{ "Q4_0_4_8", 17, 0 },      { "Q4_0_8_8", 17, 0 },  { "Q4_0", 18, 0 },
	{ "Q4_1_SOME_F16", 19, 0 }, { "Q4_1", 19, 0 },      { "Q4_2", 19, 0 },
	{ "Q4_3", 19, 0 },          { "MXFP4_MOE", 20, 0 }, { "MXFP4", 20, 0 },
	{ "NVFP4", 21, 0 },         { "Q3_K_XL", 22, 0 },   { "Q3_K_L", 23, 430 },
	{ "Q3_K_M", 24, 400 },      { "Q3_K", 24, 0 },      { "Q3_K_S", 25, 364 },
	{ "IQ3_M", 26, 376 },       { "IQ3_S", 27, 366 },   { "IQ3_K", 27, 0 },
	{ "IQ3_XS", 28, 350 },      { "IQ3_KS", 28, 0 },    { "IQ3_KT", 28, 0 },
	{ "IQ3_XXS", 29, 325 },     { "Q2_K_XL", 30, 0 },   { "Q2_K_L", 31, 0 },
	{ "Q2_K", 31, 316 },        { "Q2_K_S", 32, 297 },  { "IQ2_M", 33, 293 },
	{ "IQ2_KL", 33, 0 },        { "IQ2_S", 34, 274 },   { "IQ2_K", 34, 0 },
	{ "IQ2_XS", 35, 259 },      { "IQ2_KS", 35, 0 },    { "IQ2_KT", 35, 0 },
	{ "IQ2_XXS", 36, 238 },     { "IQ2_BN", 36, 0 },    { "I2_S", 36, 0 },
	{ "Q2_0", 37, 0 },          { "IQ1_S", 38, 200 },   { "IQ1_M", 39, 215 },
	{ "IQ1_KT", 39, 0 },        { "IQ1_BN", 39, 0 },    { "TQ1_0", 40, 0 },
	{ "TQ2_0", 41, 0 },         { "Q1_0", 42, 0 },
};

static char upper(char c)
{
	return c >= 'a' && c <= 'z' ? (char)(c - 'a' + 'A') : c;
}

/* The row with the longest label that `s` begins with, or NULL. The first characters are looked
 * at first: almost no place in a path gets further, and paths come by the hundred thousand. */
static const struct row *find_row(struct str s)
{
	const struct row *best = NULL;
	size_t best_len = 0;

	if (s.n < 2 || memchr("FBQIMNT", upper(s.p[0]), 7) == NULL)
		return NULL;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct str label;

		if (rows[i].label[0] != upper(s.p[0]) || rows[i].label[1] != upper(s.p[1]))
			continue;
		label = str_from(rows[i].label);
		if (label.n > best_len && str_has_prefix_nocase(s, label)) {
			best = &rows[i];
			best_len = label.n;
		}
	}
	return best;
}

/* The length of "_" and letters at the start of `s`, when nothing but a border follows. */
static size_t suffix_len(struct str s)
{
	size_t len = 1;

	if (s.n < 2 || s.p[0] != '_')
		return 0;
	while (len < s.n && char_is_alpha(s.p[len]))
		len++;
	if (len == 1 || (len < s.n && (char_is_digit(s.p[len]) || s.p[len] == '_')))
		return 0;
	return len;
}

/* The same of "_R4", "_R8" and "_R16": rows that are interleaved (ik_llama.cpp). */
static size_t repacked_len(struct str s)
{
	size_t len = 2;

	if (!str_has_prefix_nocase(s, S("_R")))
		return 0;
	while (len < s.n && char_is_digit(s.p[len]))
		len++;
	return len > 2 && len <= 4 && (len == s.n || !char_is_alpha(s.p[len])) ? len : 0;
}

static bool is_float(const char *label)
{
	return label[0] == 'F' || label[0] == 'B';
}

/* The label that begins at the start of `s`: its length, 0 when there is none. */
static size_t match_here(struct str s, struct quant *ret)
{
	bool is_ud = upper(s.p[0]) == 'U' && str_has_prefix_nocase(s, S("UD-"));
	size_t prefix = is_ud ? S("UD-").n : 0;
	const struct row *row = find_row(str_sub(s, prefix, s.n));
	size_t len;
	size_t extra;

	if (row == NULL)
		return 0;
	len = prefix + strlen(row->label);
	extra = is_float(row->label) ? 0 : suffix_len(str_sub(s, len, s.n));
	if (extra == 0 && !is_float(row->label))
		extra = repacked_len(str_sub(s, len, s.n));
	if (len + extra >= QUANT_LABEL_MAX)
		extra = 0;
	*ret = (struct quant){
		.rank = 2 * row->place + (prefix > 0 ? 0 : 1),
		.bpw_centi = prefix + extra > 0 ? 0 : row->bpw_centi,
	};
	for (size_t i = 0; i < len + extra; i++)
		ret->label[i] = upper(s.p[i]);
	return len + extra;
}

/* The end of what tells the files of a model apart: ".gguf", "-00001-of-00002". */
static bool is_end_of_stem(struct str rest)
{
	if (rest.n < 2)
		return rest.n == 0;
	return (rest.p[0] == '.' && char_is_alpha(rest.p[1])) ||
	       str_has_prefix_nocase(rest, S("-0000"));
}

/* "Q4" alone at a name's end, as some publishers write it. */
static size_t match_bare(struct str name, size_t at, struct quant *ret)
{
	static const unsigned places[] = {
		['2'] = 31, ['3'] = 24, ['4'] = 13, ['5'] = 8, ['6'] = 6, ['8'] = 4
	};
	unsigned char bits;

	if (name.n - at < 2 || upper(name.p[at]) != 'Q' ||
	    !is_end_of_stem(str_sub(name, at + 2, name.n)) ||
	    (at > 0 && (char_is_alpha(name.p[at - 1]) || char_is_digit(name.p[at - 1]))))
		return 0;
	bits = (unsigned char)name.p[at + 1];
	if (bits >= ARRAY_LEN(places) || places[bits] == 0)
		return 0;
	*ret = (struct quant){ .label = { 'Q', (char)bits }, .rank = 2 * places[bits] + 1 };
	return 2;
}

/* What a name says, the surer the later. */
enum kind {
	NONE,
	FLOAT,
	BARE,
	FULL,
};

/* The last label of a file's or folder's name. What is quantised wins over a float, which is
 * then what some of its tensors were left in. */
static bool find_in(struct str name, struct quant *ret)
{
	enum kind found = NONE;
	size_t at = 0;

	while (at < name.n) {
		struct quant quant;
		size_t len = match_here(str_sub(name, at, name.n), &quant);
		enum kind kind;

		if (len > 0) {
			kind = is_float(quant.label) ? FLOAT : FULL;
		} else {
			len = match_bare(name, at, &quant);
			kind = len > 0 ? BARE : NONE;
		}
		if (len > 0 && kind >= found) {
			*ret = quant;
			found = kind;
		}
		at += len > 0 ? len : 1;
	}
	return found != NONE;
}

bool quant_from_path(struct str path, struct quant *ret)
{
	struct str name = relpath_basename(path);
	struct str folders = str_sub(path, 0, path.n - name.n);

	return find_in(name, ret) || find_in(folders, ret);
}

bool quant_is_label(struct str term, struct quant *ret)
{
	struct quant quant;

	if (term.n == 0 || match_here(term, &quant) != term.n)
		return false;
	*ret = quant;
	return true;
}
