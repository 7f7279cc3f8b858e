"""The repos that a stand-in Hub has from the start. All bytes follow from seeds: two runs serve the same commits."""

import json
import os
from pathlib import Path

from . import safetensors
from .content import Noise, OnDisk
from .gguf import Llama, projector
from .store import Commit, Entry, Repo, Store

REAL_MODEL = "sentence-transformers/all-MiniLM-L6-v2"
QUANTS = ("Q2_K", "Q3_K_M", "Q4_K_S", "Q4_K_M", "UD-Q4_K_XL", "Q5_K_M", "Q6_K", "Q6_K_L", "Q8_0")

# what a client must refuse, by the name of the repo that lists it
UNSAFE_NAMES = {
    "dotdot": "../escape.bin",
    "inner-dotdot": "a/../../escape.bin",
    "absolute": "/escape.bin",
    "drive": "C:escape.bin",
    "drive-root": "C:/escape.bin",
    "backslash": "a\\..\\b",
    "unc": "\\\\host\\share\\escape.bin",
    "nul": "escape\0.bin",
    "own-metadata": ".cache/huggingface/download/README.md.metadata",
}

GIT_ATTRIBUTES = "".join(
    f"*.{ending} filter=lfs diff=lfs merge=lfs -text\n" for ending in ("bin", "gguf", "onnx", "parquet", "safetensors")
)


TINY_CARD = """<div align="center">
<img src="https://img.example/tiny.png" alt="A tiny llama" width="200">
</div>

[![Chat](https://img.example/chat.svg)](https://chat.example)

Quantised files of a **model that knows nothing**, made of [Tiny 7B](../tiny-7b) with `llama.cpp`.

| File | Quant | For whom |
|:-----|:-----:|---------:|
| [tiny-7b-Q4_K_M.gguf](tiny-7b-Q4_K_M.gguf) | Q4_K_M | most people |
| tiny-7b-Q8_0.gguf | Q8_0 | ~~nobody~~ who has room |

## How to run it

```sh
llama-server -hf acme/tiny-7b-GGUF:Q4_K_M
```

1. Fetch a file.
2. Do not ask it anything:
   - [x] it does not know,
   - [ ] it does not care.

> It answers all the same.

<script>document.title = "taken over"</script>
<a href="javascript:alert(1)" onclick="alert(2)">Press here</a>"""


def _card(title, text, **facts):
    lines = ["---"]
    for key, value in facts.items():
        lines += [f"{key}: {value}"] if isinstance(value, str) else [f"{key}:"] + [f"- {item}" for item in value]
    return "\n".join(lines + ["---", "", f"# {title}", "", text, ""])


def _json(value):
    return json.dumps(value, indent=2, ensure_ascii=False) + "\n"


def _entries(files, lfs=None):
    return [Entry(path, data, (lfs or {}).get(path)) for path, data in files.items()]


def _two_commits(repo, first, second, lfs=None):
    """Give the repo two commits on main, the tag `v1` on the first, a branch `dev` and a pull request."""
    older = Commit(_entries(first, lfs), None, "Initial upload", "2026-02-03T04:05:06.000Z", 1770091506)
    newer = Commit(_entries(second, lfs), older, "Upload the rest")
    change = dict(second, **{"README.md": "# A change that is proposed\n"})
    proposed = Commit(_entries(change, lfs), newer, "Propose a change", "2026-03-05T05:06:07.000Z", 1772687167)
    repo.branches.update(main=newer, dev=older)
    repo.tags["v1"] = older
    repo.pull_requests["1"] = proposed
    return repo


def _one_commit(repo, files, lfs=None):
    repo.branches["main"] = Commit(_entries(files, lfs), None, "Upload")
    return repo


def _gguf_facts(model, size):
    return {
        "gguf": {
            "total": model.parameters(),
            "architecture": "llama",
            "context_length": model.CONTEXT,
            "chat_template": model.CHAT_TEMPLATE,
            "bos_token": "<s>",
            "eos_token": "</s>",
            "totalFileSize": size,
        }
    }


def _gguf_repo(name, model, facts, **more):
    return Repo(
        name,
        labels=["gguf", "llama", "text-generation", "license:apache-2.0", "base_model:acme/tiny-7b", "region:us"],
        card={"license": "apache-2.0", "base_model": ["acme/tiny-7b"], "pipeline_tag": "text-generation"},
        pipeline="text-generation",
        library="gguf",
        facts=facts,
        **more,
    )


def _config(model):
    return _json(
        {
            "architectures": ["LlamaForCausalLM"],
            "model_type": "llama",
            "hidden_size": model.embedding,
            "intermediate_size": model.feed_forward,
            "num_hidden_layers": model.blocks,
            "num_attention_heads": model.heads,
            "num_key_value_heads": model.kv_heads,
            "max_position_embeddings": model.CONTEXT,
            "vocab_size": model.vocabulary,
        }
    )


def tiny_gguf():
    """One model in nine quants, with a projector: the usual layout of a GGUF repo."""
    model = Llama("Tiny 7B", "7B")
    card = {"license": "apache-2.0", "base_model": ["acme/tiny-7b"], "pipeline_tag": "text-generation"}
    files = {
        ".gitattributes": GIT_ATTRIBUTES,
        "README.md": _card("Tiny 7B, GGUF", TINY_CARD, **card),
        "config.json": _config(model),
        "mmproj-tiny-7b-f16.gguf": projector("Tiny 7B projector", "tiny mmproj"),
    }
    files |= {f"tiny-7b-{quant}.gguf": model.file(quant, "tiny") for quant in QUANTS}
    older = dict(files)
    older["README.md"] = "# Tiny 7B\n\nFirst words.\n"
    older["tiny-7b-Q2_K.gguf"] = model.file("Q2_K", "tiny before the repair")
    del older["tiny-7b-Q6_K_L.gguf"], older["tiny-7b-UD-Q4_K_XL.gguf"]
    facts = _gguf_facts(model, files["tiny-7b-Q4_K_M.gguf"].size)
    return _two_commits(_gguf_repo("acme/tiny-7b-GGUF", model, facts, downloads=1234, likes=56), older, files)


def split_gguf():
    """One folder per quant, each holding a split set."""
    model = Llama("Split 70B", "70B", blocks=6)
    files = {".gitattributes": GIT_ATTRIBUTES, "README.md": _card("Split 70B, GGUF", "In parts.", license="apache-2.0")}
    for quant, count in (("Q4_K_M", 3), ("Q8_0", 2)):
        for number, shard in enumerate(model.shards(quant, count, "split"), 1):
            files[f"{quant}/split-70b-{quant}-{number:05d}-of-{count:05d}.gguf"] = shard
    facts = _gguf_facts(model, sum(data.size for path, data in files.items() if path.startswith("Q4_K_M/")))
    return _one_commit(_gguf_repo("acme/split-70b-GGUF", model, facts, downloads=777, likes=21), files)


def tiny_safetensors():
    """A transformers repo: three shards with an index, a tokenizer, configurations."""
    tensors = safetensors.tensors_of_llama()
    vocabulary = {"<unk>": 0, "<s>": 1, "</s>": 2} | {f"w{n}": n for n in range(3, 512)}
    special = {"bos_token": "<s>", "eos_token": "</s>", "unk_token": "<unk>"}
    tokenizer = {
        "version": "1.0",
        "truncation": None,
        "padding": None,
        "added_tokens": [],
        "normalizer": None,
        "pre_tokenizer": {"type": "Whitespace"},
        "post_processor": None,
        "decoder": None,
        "model": {"type": "WordLevel", "vocab": vocabulary, "unk_token": "<unk>"},
    }
    files = {
        ".gitattributes": GIT_ATTRIBUTES,
        "README.md": _card("Tiny ST", "Shards and an index.", license="mit", language=["en", "de"]),
        "config.json": _config(Llama("Tiny ST", "1B", blocks=6, embedding=128, feed_forward=384, heads=4)),
        "generation_config.json": _json({"bos_token_id": 1, "eos_token_id": 2}),
        "special_tokens_map.json": _json(special),
        "tokenizer.json": _json(tokenizer),
        "tokenizer_config.json": _json(special | {"tokenizer_class": "PreTrainedTokenizerFast"}),
    }
    files |= dict(safetensors.sharded(tensors, 3, "tiny-st"))
    total = 0
    for _, shape in tensors.values():
        total += shape[0] * (shape[1] if len(shape) > 1 else 1)
    repo = Repo(
        "acme/tiny-st",
        labels=["transformers", "safetensors", "llama", "text-generation", "en", "de", "license:mit", "region:us"],
        card={"license": "mit", "language": ["en", "de"]},
        pipeline="text-generation",
        library="transformers",
        downloads=4321,
        likes=99,
        facts={"safetensors": {"parameters": {"BF16": total}, "total": total}},
    )
    return _one_commit(repo, files)


def odd_names():
    """Names and sizes that are legal and that careless clients get wrong."""
    files = {
        "README.md": "# Odd names\n",
        "empty.txt": "",
        "empty.bin": "",
        "one.bin": b"\x01",
        "a name with spaces.txt": "spaces\n",
        "grüße aus 東京 🥘.txt": "UTF-8\n",
        "nfd-u\u0308.txt": "decomposed\n",
        "hash#tag.txt": "hash\n",
        "100%25 sure%.txt": "per cent\n",
        "a+b=c&d.txt": "plus\n",
        "what?.txt": "question mark\n",
        "quote'\"s.txt": "quotes\n",
        "semi;colon,comma.txt": "separators\n",
        "-rf": "looks like an option\n",
        "deep/er/and/deep er/ü #1+%.bin": Noise("odd deep", 70001),
        "sub.dir/.hidden": "hidden\n",
        "sub/plain.txt": "git sorts this folder behind the one above\n",
    }
    return _one_commit(Repo("acme/odd-names", labels=["region:us"]), files)


def case_pair():
    """Two paths that are one file on a file system that ignores case."""
    files = {
        "README.md": "# Case\n",
        "Model.gguf": Llama("Case", "1B", blocks=1).file("Q8_0", "upper"),
        "model.gguf": Llama("Case", "1B", blocks=1).file("Q4_K_M", "lower"),
        "Dir/notes.txt": "upper\n",
        "dir/notes.txt": "lower\n",
    }
    return _one_commit(Repo("acme/case-pair", labels=["gguf"]), files)


def unsafe():
    """One repo for each unsafe name, and one with them all."""
    for kind, path in UNSAFE_NAMES.items():
        yield _one_commit(Repo(f"acme/unsafe-{kind}"), {"README.md": "# Unsafe\n", path: "planted\n"})
    files = {path: "planted\n" for path in UNSAFE_NAMES.values()}
    yield _one_commit(Repo("acme/unsafe-all"), {"README.md": "# Unsafe\n", **files})


def restricted():
    """Gated (both ways), private and disabled repos."""
    model = Llama("Shut 7B", "7B", blocks=2)

    def files(name):
        return {
            "README.md": f"# {name}\n",
            "config.json": _config(model),
            f"{name}-Q4_K_M.gguf": model.file("Q4_K_M", name),
        }

    facts = _gguf_facts(model, 0)
    yield _one_commit(_gguf_repo("acme/gated-7b", model, facts, gated="manual", downloads=50), files("gated-7b"))
    yield _one_commit(_gguf_repo("acme/gated-auto-7b", model, facts, gated="auto"), files("gated-auto-7b"))
    yield _one_commit(_gguf_repo("acme/private-7b", model, facts, private=True), files("private-7b"))
    yield _one_commit(_gguf_repo("acme/disabled-7b", model, facts, disabled=True), files("disabled-7b"))


def many():
    """2,500 small files: more than two pages of a tree."""
    files, lfs = {}, {}
    for number in range(2500):
        path = f"part-{number % 5}/shelf-{number % 20:02d}/jar-{number:04d}.txt"
        files[path] = f"jar {number}\n" * (1 + number % 7)
        lfs[path] = number % 5 == 0
    return _one_commit(Repo("acme/many", labels=["region:us"]), files, lfs)


def big(size, memory):
    """One large file, made while it is sent."""
    files = {"README.md": "# Big\n", "big-1.bin": Noise("big", size, memory)}
    return _one_commit(Repo("acme/big-1", labels=["region:us"]), files)


def words():
    """A dataset with a configuration folder and a converted branch."""
    rows = "".join(json.dumps({"id": n, "word": f"word-{n}"}) + "\n" for n in range(500))
    repo = Repo(
        "acme/words",
        "dataset",
        labels=["task_categories:text-generation", "language:en", "license:cc-by-4.0", "size_categories:n<1K"],
        card={"license": "cc-by-4.0", "language": ["en"]},
        downloads=88,
        likes=3,
    )
    card = _card("Words", "Five hundred of them.", license="cc-by-4.0", language=["en"])
    before = {"README.md": "# Words\n", "data/train.jsonl": rows}
    after = {"README.md": card, "data/train.jsonl": rows, "data/test-00000-of-00001.parquet": Noise("words", 50000)}
    _two_commits(repo, before, after)
    parquet = {"default/train/0000.parquet": Noise("words converted", 40000)}
    repo.converts["parquet"] = Commit(_entries(parquet), None, "Convert")
    return repo


def shelf():
    """Forty nearly empty repos, so that a search has pages."""
    for number in range(40):
        name = f"shelf/jar-{number:02d}"
        tags = ["gguf" if number % 2 else "safetensors", "license:mit"]
        yield _one_commit(Repo(name, labels=tags, downloads=number * 10, likes=number), {"README.md": f"# {name}\n"})


def real_model(directory, memory):
    """The files of a directory as a repo; large ones and weights are LFS."""
    root, entries = Path(directory), []
    for above, folders, names in os.walk(root):
        folders[:] = [name for name in folders if name not in ("__pycache__", ".git", ".cache")]
        for name in names:
            path = Path(above, name)
            if path.is_file() and not path.is_symlink():
                entries.append(Entry(path.relative_to(root).as_posix(), OnDisk(path, memory)))
    if not entries:
        raise ValueError(f"no files in {root}")
    repo = Repo(
        REAL_MODEL,
        labels=["sentence-transformers", "safetensors", "bert", "sentence-similarity", "en", "license:apache-2.0"],
        card={"license": "apache-2.0", "language": "en"},
        pipeline="sentence-similarity",
        library="sentence-transformers",
        downloads=99999,
        likes=4000,
    )
    repo.branches["main"] = Commit(sorted(entries, key=lambda entry: entry.path), None, "Upload")
    return repo


def store(which="all", big_size=256 * 1024 * 1024, real=None, memory=None):
    """A store with the `demo` or the `all` set."""
    repos = Store()
    for repo in (tiny_gguf(), split_gguf(), tiny_safetensors(), words()):
        repos.add(repo)
    repos.alias("tiny-7b", "acme/tiny-7b-GGUF")
    repos.alias("acme/little-7b-GGUF", "acme/tiny-7b-GGUF")
    if which == "all":
        repos.add(odd_names())
        repos.add(case_pair())
        repos.add(many())
        repos.add(big(big_size, memory))
        repos.add(_one_commit(Repo("acme/empty"), {}))
        for repo in (*unsafe(), *restricted(), *shelf()):
            repos.add(repo)
    if real:
        repos.add(real_model(real, memory))
    return repos
