"""What a large library costs: the first look at it, a look at nothing new, its list, memory, and the loop's patience.

    library.py BUILD_DIR [--models N] [--requests N]

A library of N models of ten files each, in memory, as `hf download --local-dir` would have left it: half of the models are
GGUF with three quants, half are safetensors in three parts; every file has its .metadata. Prints the figures beside the bars
of the issue; they also go to build/bench-library.json. Nothing here is a test.
"""

import argparse
import contextlib
import json
import os
import shutil
import statistics
import struct
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests/e2e"))

import harness  # noqa: E402
from run import MEMORY, say  # noqa: E402

COMMIT = "1" * 40
DIGEST = "2" * 64
BARS = {"first_s": 10, "again_s": 1, "list_p99_ms": 20, "rss_mib": 128, "loop_late_worst_ms": 20}
SMALL = ("README.md", "config.json", "tokenizer.json", "tokenizer_config.json", "generation_config.json", "merges.txt",
         "LICENSE")


def text(value):
    """A string of GGUF."""
    raw = value.encode()
    return struct.pack("<Q", len(raw)) + raw


def gguf(name, file_type, elements=1024):
    """A true GGUF file with the keys that matter, a tokenizer, and one tensor."""
    pairs = [text("general.architecture") + struct.pack("<I", 8) + text("llama"),
             text("general.name") + struct.pack("<I", 8) + text(name),
             text("general.file_type") + struct.pack("<II", 4, file_type)]
    for key, value in (("context_length", 32768), ("embedding_length", 4096), ("block_count", 32),
                       ("attention.head_count", 32), ("attention.head_count_kv", 8)):
        pairs.append(text(f"llama.{key}") + struct.pack("<II", 4, value))
    tokens = [f"token{number}" for number in range(500)]
    pairs.append(text("tokenizer.ggml.tokens") + struct.pack("<IIQ", 9, 8, len(tokens)) + b"".join(map(text, tokens)))
    tensor = text("token_embd.weight") + struct.pack("<IQIQ", 1, elements, 0, 0)
    head = b"GGUF" + struct.pack("<IQQ", 3, 1, len(pairs)) + b"".join(pairs) + tensor
    return head + bytes(-len(head) % 32) + bytes(4 * elements)


def safetensors(number, elements=1024):
    """A true safetensors file of some tensors."""
    each = elements // 8
    header = json.dumps({f"model.layers.{number}.{i}.weight": {
        "dtype": "BF16", "shape": [each], "data_offsets": [2 * each * i, 2 * each * (i + 1)]} for i in range(8)}).encode()
    return struct.pack("<Q", len(header)) + header + bytes(16 * each)


def contents(number):
    """The files of one model: name -> bytes."""
    files = {name: b"{}\n" for name in SMALL}
    if number % 2:
        for quant, file_type in (("Q4_K_M", 15), ("Q6_K", 18), ("Q8_0", 7)):
            files[f"model-{number}-{quant}.gguf"] = gguf(f"Model {number}", file_type)
    else:
        for part in range(1, 4):
            files[f"model-{part:05}-of-00003.safetensors"] = safetensors(part)
    return files


def write(models, count):
    """Puts them all there: how many files."""
    n = 0
    note = f"{COMMIT}\n{DIGEST}\n{time.time() + 3600:.3f}\n".encode()
    old = time.time() - 3600
    for number in range(count):
        folder = models / f"owner{number % 500}" / f"model-{number}"
        notes = folder / ".cache/huggingface/download"
        notes.mkdir(parents=True)
        for name, content in contents(number).items():
            (folder / name).write_bytes(content)
            (notes / f"{name}.metadata").write_bytes(note)
            os.utime(folder / name, (old, old))
            n += 1
        os.utime(notes, (old, old))
    return n


def scan_end(events):
    """Waits for the end of a look at everything: its state."""
    for event in events:
        if event.name == "library" and not event.data["scanning"]:
            return event.data
    raise SystemExit("larderd ended its event stream")


def peak_mib(pid):
    """The most it had in memory."""
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmHWM:"):
            return round(int(line.split()[1]) / 1024, 1)
    raise ProcessLookupError(pid)


def list_times(larder, requests):
    """Milliseconds of each request for the first page, through the web server."""
    connection = larder.connect()
    times = []
    for number in range(requests):
        sort = ("name", "size", "modified")[number % 3]
        begin = time.monotonic()
        connection.request("GET", f"/api/v1/models?sort={sort}&limit=100")
        body = connection.getresponse().read()
        times.append((time.monotonic() - begin) * 1000)
        if len(json.loads(body)["models"]) != 100:
            raise SystemExit("a page is not whole")
    connection.close()
    return sorted(times)


def main():
    """Measures, prints, writes."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("build", type=Path)
    parser.add_argument("--models", type=int, default=10_000)
    parser.add_argument("--requests", type=int, default=1000)
    options = parser.parse_args()
    harness.TIMEOUT = 600
    with contextlib.ExitStack() as stack:
        work = Path(tempfile.mkdtemp(prefix="larder-bench-", dir=MEMORY if os.access(MEMORY, os.W_OK) else None))
        stack.callback(shutil.rmtree, work)
        larder = harness.Larder(work / "larder", "http://127.0.0.1:9", flavour=options.build.name.split("-")[0], token="",
                                LARDER_SCAN_INTERVAL=0)
        n_files = write(larder.models, options.models)
        say(f"  {options.models} models, {n_files} files")
        begin = time.monotonic()
        larder.start()
        stack.callback(larder.stop)
        state = larder.rpc("system.status")["result"]["library"]
        with larder.stream(web=False) as stream:
            events = iter(stream)
            state = next(events).data["library"]
            if state["scanning"]:
                state = scan_end(events)
            first = time.monotonic() - begin
            if (state["models"], state["files"]) != (options.models, n_files):
                raise SystemExit(f"not all was found: {state}")
            again = []
            for _ in range(5):
                begin = time.monotonic()
                larder.api("POST", "scan", {}, 202)
                state = scan_end(events)
                again.append(time.monotonic() - begin)
                if state["changes"]:
                    raise SystemExit(f"something has changed: {state}")
        times = list_times(larder, options.requests)
        status = larder.rpc("system.status")["result"]
        figures = {"models": options.models, "files": n_files, "first_s": round(first, 3),
                   "again_s": round(statistics.median(again), 3), "list_p50_ms": round(statistics.median(times), 2),
                   "list_p99_ms": round(times[int(len(times) * 0.99)], 2),
                   "rss_mib": peak_mib(larder.daemon.process.pid), "loop_late_worst_ms": status["loop_late_worst_ms"]}
        begin = time.monotonic()
        larder.stop_daemon()
        larder.start_daemon()
        figures["restart_s"] = round(time.monotonic() - begin, 3)
    (ROOT / "build/bench-library.json").write_text(json.dumps(figures, indent=1) + "\n")
    for name, value in figures.items():
        bar = f"   asked at most {BARS[name]}: {'met' if value <= BARS[name] else 'NOT met'}" if name in BARS else ""
        print(f"{name:20} {value:>10}{bar}")


if __name__ == "__main__":
    main()
