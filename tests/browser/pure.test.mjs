// The modules that know no page, under Node's own test runner: JS=FOLDER node --test pure.test.mjs. The folder is a copy of
// static/js with a package.json that says that these are modules, which older versions of Node do not find out.
import assert from "node:assert/strict";
import { test } from "node:test";
import { pathToFileURL } from "node:url";

const load = (name) => import(new URL(`core/${name}.js`, pathToFileURL(process.env.JS + "/")).href);
const { agrees, parseTerms, termsFor } = await load("choice");
const { count, duration, fraction, isolate, percent, plain, safeUrl, size } = await load("format");
const { put } = await load("words");
const { Library } = await load("library");
const { Search, address } = await load("search");
const { parameters } = await load("parameters");

const words = (text) => text.replaceAll("\u00a0", " ");

test("sizes are decimal, with three digits", () => {
  for (const [bytes, wanted] of [
    [0, "0 B"],
    [999, "999 B"],
    [1000, "1.00 kB"],
    [9_994, "9.99 kB"],
    [99_940, "99.9 kB"],
    [999_499, "999 kB"],
    [999_600, "1.00 MB"],
    [4_080_218_931, "4.08 GB"],
    [-2_500_000, "−2.50 MB"],
    [1e18, "1,000 PB"],
  ])
    assert.equal(words(size(bytes)), wanted);
});

test("durations have two units at most", () => {
  for (const [seconds, wanted] of [
    [0, "0 s"],
    [59, "59 s"],
    [60, "1 min"],
    [61, "1 min 1 s"],
    [3599, "59 min"],
    [3600, "1 h"],
    [11_520, "3 h 12 min"],
    [90_000, "1 d 1 h"],
  ])
    assert.equal(words(duration(seconds)), wanted);
});

test("a part is never whole before the end", () => {
  assert.equal(percent(fraction(999, 1000)), "99%");
  assert.equal(percent(fraction(1000, 1000)), "100%");
  assert.equal(fraction(5, 0), 0);
  assert.equal(fraction(7, 5), 1);
});

test("numbers choose their words", () => {
  assert.equal(words(count(1, "{n} file", "{n} files")), "1 file");
  assert.equal(words(count(2500, "{n} file", "{n} files")), "2,500 files");
});

test("only the holes that there are values for are filled", () => {
  assert.equal(put("{a} and {b} and {toString}", { a: "{b}", b: 1 }), "{b} and 1 and {toString}");
});

test("a name cannot turn or hide anything", () => {
  assert.equal(plain("a\u202egpj\u200b\n\u0000\ufeff"), "a\ufffdgpj\ufffd\ufffd\ufffd\ufffd");
  assert.equal(plain("日本語 é 😀"), "日本語 é 😀");
  assert.equal(isolate("x\u2069y"), "\u2068x\ufffdy\u2069");
});

test("only http leads out of the page", () => {
  assert.equal(safeUrl("https://hf.co/x"), "https://hf.co/x");
  for (const bad of ["javascript:alert(1)", "data:text/html,x", "//x", "", null, undefined])
    assert.equal(safeUrl(bad), null);
});

const file = (path, group = null) => ({ path, group, selected: false });
const FILES = [file("a-Q4.gguf", "Q4"), file("b-Q8-1.gguf", "Q8"), file("b-Q8-2.gguf", "Q8"), file("config.json")];

test("ticked boxes become the shortest terms", () => {
  const terms = (...paths) => termsFor(FILES, new Set(paths));
  assert.deepEqual(terms("b-Q8-1.gguf", "b-Q8-2.gguf"), { select: ["Q8"], exclude: [] });
  assert.deepEqual(terms("b-Q8-1.gguf"), { select: ["b-Q8-1.gguf"], exclude: [] });
  assert.deepEqual(terms(...FILES.map((f) => f.path)), { select: [], exclude: [] });
  assert.deepEqual(terms("a-Q4.gguf", "b-Q8-1.gguf", "b-Q8-2.gguf"), { select: [], exclude: ["config.json"] });
  assert.deepEqual(termsFor(FILES, new Set(["b-Q8-1.gguf", "b-Q8-2.gguf"]), true).select, [
    "b-Q8-1.gguf",
    "b-Q8-2.gguf",
  ]);
});

test("terms are read as people type them", () => {
  assert.deepEqual(parseTerms("Q4_K_M, *.json\n\n  /a,b/ \nx,,y"), ["Q4_K_M", "*.json", "/a,b/", "x", "y"]);
  assert.deepEqual(parseTerms("a,b.gguf", [file("a,b.gguf")]), ["a,b.gguf"]);
});

test("the server's choice is compared with ours", () => {
  const files = [
    { ...file("a"), selected: true },
    { ...file("b"), selected: false },
  ];
  assert.equal(agrees(files, new Set(["a"])), true);
  assert.equal(agrees(files, new Set(["a", "b"])), false);
});

// --- the library ---

const model = (folder, more = {}) => ({
  folder,
  formats: ["gguf"],
  quants: ["Q4_K_M"],
  architecture: "llama",
  bytes: 10,
  partial_bytes: 0,
  parts_missing: 0,
  files_unknown: 0,
  files_changed: 0,
  problems: 0,
  problem: null,
  modified_at: null,
  update: null,
  ...more,
});
const WANTED = { text: "", format: "", quant: "", state: "", least: 0, sort: "name" };

/** A library over an API that answers with these pages. */
function made(pages) {
  const touched = [];
  const store = { touch: (...keys) => touched.push(...keys), onOther: () => {} };
  const asked = [];
  const api = {
    call: async (method, path) => {
      asked.push(path);
      return pages[Math.min(asked.length, pages.length) - 1];
    },
  };
  return { library: new Library(api, store), store, asked, touched };
}

test("a library is loaded page by page, filtered and sorted", async () => {
  const state = { models: 3, changes: 0, scanning: false };
  const { library, asked } = made([
    { models: [model("b/two", { bytes: 30, quants: ["Q8_0"] }), model("a/one")], next_cursor: "x", library: state },
    { models: [model("c/Three", { bytes: 20, parts_missing: 1 })], next_cursor: null, library: state },
  ]);
  await library.load();
  assert.deepEqual(asked, ["models?limit=500", "models?limit=500&cursor=x"]);
  const names = (wanted) => library.find({ ...WANTED, ...wanted }).map((m) => m.folder);
  assert.deepEqual(names({}), ["a/one", "b/two", "c/Three"]);
  assert.deepEqual(names({ sort: "size" }), ["b/two", "c/Three", "a/one"]);
  assert.deepEqual(names({ text: " THREE  q4" }), ["c/Three"]);
  assert.deepEqual(names({ state: "incomplete" }), ["c/Three"]);
  assert.deepEqual(names({ quant: "Q8_0", least: 30 }), ["b/two"]);
  assert.deepEqual(library.values("quants"), ["Q4_K_M", "Q8_0"]);
});

test("events keep it up to date, and what has gone while nobody told is gone", async () => {
  const state = { models: 1, changes: 0, scanning: false };
  const { library, store, asked } = made([
    { models: [model("a/one"), model("b/two")], next_cursor: null, library: { ...state, models: 2 } },
    { models: [model("b/two")], next_cursor: null, library: state },
  ]);
  await library.load();
  store.onOther("model", model("c/three"));
  store.onOther("model-removed", { folder: "a/one" });
  assert.deepEqual([...library.rows.keys()].sort(), ["b/two", "c/three"]);
  store.onOther("library", { ...state, scanning: true, models: 9 });
  assert.equal(asked.length, 1);
  store.onOther("library", state); // one is there that we do not know to be gone: all of it anew
  await new Promise((resolve) => setImmediate(resolve));
  assert.deepEqual([...library.rows.keys()], ["b/two"]);
});

const QUERY = { q: "", type: "model", author: "", format: "", task: "", size: "", sort: "trending" };

test("a search asks for what was chosen, quoted", () => {
  assert.equal(address(QUERY, null), "hub/search?type=model&sort=trending&limit=30");
  assert.equal(
    address({ ...QUERY, q: "  a&b ", size: "3-9", format: "gguf" }, "x=%3D"),
    "hub/search?q=a%26b&type=model&format=gguf&sort=trending&min_parameters=3000000000&max_parameters=9000000000" +
      "&limit=30&cursor=x%3D%253D",
  );
  assert.ok(!address({ ...QUERY, size: "40-" }, null).includes("max_parameters"));
  assert.ok(!address({ ...QUERY, size: "-3" }, null).includes("min_parameters"));
});

test("an address, or a name with a quant behind it, is sought by its name", () => {
  for (const [q, wanted] of [
    ["https://huggingface.co/acme/a-b/tree/main?x=y", "acme/a-b"],
    ["https://hf.example/datasets/acme/words", "acme/words"],
    ["acme/a:Q4_K_M", "acme/a"],
    ["acme/a@v1", "acme/a"],
    ["hf.co/acme/a:Q4_K_M", "acme/a"],
    ["datasets/acme/words", "acme/words"],
    ["datasets", "datasets"],
    ["7b chat", "7b chat"],
    ["a/b c", "a/b c"],
  ]) {
    const asked = new URLSearchParams(address({ ...QUERY, q }, null).split("?")[1]);
    assert.equal(asked.get("q"), wanted);
    assert.equal(asked.get("type"), wanted === "acme/words" ? "dataset" : "model");
  }
});

test("a size is said as in the names of models", () => {
  for (const [n, wanted] of [
    [0, "0"],
    [999, "999"],
    [135_000_000, "135 M"],
    [999_600_000, "1 B"],
    [7_241_732_096, "7.2 B"],
    [70_553_706_496, "70.6 B"],
    [1_026_000_000_000, "1 T"],
  ])
    assert.equal(words(parameters(n)), wanted);
});

test("pages add up, a new question begins anew, and an old answer does not count", async () => {
  const answers = [];
  const search = new Search({ call: () => new Promise((resolve) => answers.push(resolve)) }, () => {});
  const page = (names, next_cursor) => ({ results: names.map((repo) => ({ repo })), next_cursor, quota: null });
  const names = () => search.rows.map(({ repo }) => repo).join(" ");
  const first = search.ask(QUERY);
  answers[0](page(["a/1", "a/2"], "c"));
  await first;
  assert.ok(search.hasMore && names() === "a/1 a/2");
  const more = search.more(QUERY);
  answers[1](page(["a/2", "a/3"], null)); // the list has moved on meanwhile: one comes twice
  await more;
  assert.ok(!search.hasMore && names() === "a/1 a/2 a/3");
  const old = search.ask({ ...QUERY, q: "o" });
  const fresh = search.ask({ ...QUERY, q: "other" });
  answers[3](page(["b/1"], null));
  await fresh;
  answers[2](page(["old/1"], "c"));
  await old;
  assert.ok(names() === "b/1" && !search.busy && !search.hasMore);
});
