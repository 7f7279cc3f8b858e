"""The rules that no compiler knows: layers, third-party doors, banned calls, lean headers, format, sizes.

    lint.py [--cflags FLAGS] BUILD_DIR     (BUILD_DIR holds the objects whose symbols are looked at)
"""

import argparse
import re
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
FOLDERS = ("common", "downloader", "fcgi", "cli")

# Modules from the top down, one row a level (DESIGN.md, section 6). A module may include what is in a
# lower row; within its row only its own header and its own noun_internal.h.
LEVELS = [
    # larderd
    "downloader/main",
    "downloader/daemon downloader/daemon_hooks",
    "downloader/ops_audit downloader/ops_choice downloader/ops_hub downloader/ops_downloads downloader/ops_models downloader/ops_care downloader/ops_trash downloader/ops_plan downloader/ops_doctor downloader/ops_paste downloader/ops_fit downloader/ops_preview downloader/ops_sessions"
    " downloader/ops_backup downloader/ops_metrics downloader/ops_settings downloader/ops_token"
    " downloader/ops_system downloader/ops",
    "downloader/audit",
    "downloader/notify",
    "downloader/account downloader/backup downloader/control downloader/sse downloader/settings downloader/sessions downloader/queue downloader/queue_entry downloader/queue_room"
    " downloader/queue_work downloader/queue_verify downloader/library downloader/bin downloader/updates downloader/scrub downloader/watch",
    "downloader/preview downloader/transfer downloader/scan downloader/inventory downloader/verify",
    "downloader/previews",
    "downloader/planner downloader/changeover",
    "downloader/landing downloader/landing_begin downloader/survey",
    "downloader/lanes downloader/hub_head downloader/hub_model downloader/doctor",
    "downloader/hub_bytes",
    "downloader/journal downloader/claims downloader/copy downloader/hubfile",
    "downloader/hasher downloader/heartbeat downloader/lateness downloader/store downloader/store_audit downloader/store_run downloader/store_models downloader/space downloader/events downloader/sse_newcomers downloader/localdir downloader/budget"
    " downloader/turns downloader/direct",
    "downloader/trash downloader/secret",
    "downloader/hub downloader/hub_ask downloader/hub_list downloader/hub_search downloader/dir",
    "downloader/fetch downloader/pool downloader/db downloader/file downloader/digest downloader/checksum",
    "downloader/home downloader/tally downloader/hook downloader/hook_helper",
    "downloader/loop downloader/new_id downloader/host",
    # pure: no I/O, no clock, no globals
    "downloader/webhook downloader/card",
    "downloader/card_html",
    "downloader/plan downloader/frame downloader/model_json downloader/diff",
    "downloader/model",
    "downloader/gather downloader/gguf downloader/safetensors",
    "downloader/paste_list downloader/paste_workflow downloader/paste downloader/paste_command downloader/paste_python downloader/paste_link downloader/paste_draft",
    "downloader/selection",
    "downloader/variant downloader/fit downloader/finding",
    "downloader/job downloader/retry downloader/rate downloader/segments downloader/controller downloader/throttle"
    " downloader/schedule downloader/feed downloader/window downloader/memory_need downloader/quant downloader/shard downloader/glob downloader/hf_config"
    " downloader/address downloader/size_text downloader/fetch_head downloader/fetch_trace downloader/paste_words downloader/hub_url downloader/hub_parse downloader/hub_parse_failure"
    " downloader/hub_parse_header downloader/hub_parse_model downloader/hub_parse_search downloader/hub_parse_account",
    # larder-fcgi
    "fcgi/main",
    "fcgi/worker",
    "fcgi/app fcgi/routes fcgi/api_contract fcgi/api_downloads fcgi/api_hub fcgi/api_models fcgi/api_session fcgi/api_system fcgi/api_token",
    "fcgi/measures",
    "fcgi/router fcgi/guard fcgi/ratelimit",
    "fcgi/request fcgi/response",
    "fcgi/csrf",
    # larder
    "cli/main",
    "cli/cli_audit cli/cli_backup cli/cli_care cli/cli_doctor cli/cli_info cli/cli_link cli/cli_password",
    "cli/cli_get cli/cli_models cli/cli_preview cli/cli_ps cli/cli_search cli/cli_settings cli/cli_status cli/cli_token",
    "cli/cli_effect cli/cli_fit cli/cli_from",
    "cli/cli_session",
    "cli/cli_progress cli/cli_news",
    "cli/cli_complete",
    "cli/cli_download cli/cli_table cli/cli_term cli/cli_args",
    "cli/cli_text",
    # what the programs agree on
    "common/config common/env_file common/rpc common/problem common/privileges common/sandbox common/service",
    "common/schema common/auth",
    "common/token",
    "common/log common/metrics",
    "common/unixsock common/journald common/log_repeat common/ids common/relpath common/json",
    "common/hosts common/clock common/folder common/nearest",
    "common/quote",
    "common/error common/buf",
    "common/base",
]
LEVEL = {name: level for level, row in enumerate(LEVELS) for name in row.split()}

# Nouns whose files, in one row, are one subject and see each other.
FAMILIES = ({"ops"}, {"hub"}, {"hook"}, {"paste"}, {"app", "routes", "api"})

# A third-party library has one door.
DOORS = {
    r"curl/": {"downloader/fetch", "downloader/fetch_trace"},
    r"sqlite3": {"downloader/db"},
    r"fcgi": {"fcgi/worker"},
    r"openssl/": {"downloader/digest"},
    r"xxhash": {"downloader/checksum"},
    r"pcre2": {"downloader/selection"},
    r"event2/(http|keyvalq)": {"downloader/sse"},
    r"event2/listener": {"downloader/control", "downloader/sse"},
    r"json-c": {"common/json"},
    r"cmark-gfm": {"downloader/card"},
    r"seccomp": {"common/sandbox"},
    r"linux/landlock": {"common/sandbox"},
    r"systemd/": {"common/service"},
}

# STYLE.md 4.12, looked for in the objects' undefined symbols, however they were spelled.
BANNED = set("strcpy strcat sprintf vsprintf strncpy strncat strtok atoi atol atoll strtol strtoul strtoll gets scanf sscanf"
             " fscanf alloca system popen rand srand gmtime localtime ctime asctime sleep usleep nanosleep tmpnam"
             " __isoc99_sscanf __isoc99_fscanf __strcpy_chk __strcat_chk __sprintf_chk __strncpy_chk".split())
BANNED_ALLOWED = {}

FILE_MAX = 800
FUNCTION_MAX = 70

problems = []


def complain(path, line, text):
    """One finding."""
    problems.append(f"{path}:{line}: {text}")


def module_of(path):
    """"downloader/queue" for both queue.c and queue.h; noun_internal.h belongs to its noun."""
    name = str(path.relative_to(ROOT).with_suffix(""))
    return name.removesuffix("_internal")


def noun_of(module):
    """The noun whose internal header a module may see: hub_parse_header -> hub_parse."""
    noun = module
    while noun not in INTERNAL and "_" in noun.rsplit("/", 1)[1]:
        noun = noun.rsplit("_", 1)[0]
    return noun if noun in INTERNAL else module


def is_family(one, other):
    """Two modules of one subject, like ops_preview and ops."""
    words = {name.split("/")[1].split("_")[0] for name in (one, other)}
    return LEVEL[one] == LEVEL[other] and any(words <= family for family in FAMILIES)


def check_include(path, module, number, target):
    """An include of ours must point down."""
    included = module_of(ROOT / target)
    if target.endswith("_internal.h"):
        if noun_of(module) != included:
            complain(path, number, f"{target} is {included}'s own")
        return
    if included == module or (path.suffix == ".c" and noun_of(module) == included and included in INTERNAL):
        return
    if included not in LEVEL:
        complain(path, number, f"{included} has no level: add it to LEVELS in tests/lint/lint.py")
    elif LEVEL[included] <= LEVEL[module] and not is_family(module, included):
        complain(path, number, f"{module} must not include {target}: it is not below it")
    elif target.split("/")[0] not in ("common", module.split("/")[0]):
        complain(path, number, f"{module} must not include {target}: another program's")


def check_includes(path, text):
    """Layers and doors of one file."""
    module = module_of(path)
    if module not in LEVEL:
        complain(path, 1, f"{module} has no level: add it to LEVELS in tests/lint/lint.py")
        return
    for number, line in enumerate(text.splitlines(), 1):
        if ours := re.match(r'#include "([^"]+)"', line):
            check_include(path, module, number, ours.group(1))
        elif foreign := re.match(r"#include <([^>]+)>", line):
            for pattern, allowed in DOORS.items():
                if re.match(pattern, foreign.group(1)) and module not in allowed:
                    complain(path, number, f"<{foreign.group(1)}> is for {', '.join(sorted(allowed))} only")


def check_sizes(path, text):
    """Long files, long functions, long lines of thought."""
    lines = text.splitlines()
    if len(lines) > FILE_MAX:
        complain(path, FILE_MAX, f"{len(lines)} lines: split it")
    begin = None
    for number, line in enumerate(lines, 1):
        if line == "{":
            begin = number
        elif line == "}" and begin is not None:
            if number - begin - 1 > FUNCTION_MAX:
                complain(path, begin, f"a function of {number - begin - 1} lines")
            begin = None
        if re.match(r"\s*//", line):
            complain(path, number, "a // comment")
        if re.search(r"\b(TODO|FIXME|XXX|HACK)\b", line):
            complain(path, number, "an unkept promise")


def check_symbols(build):
    """Calls that are banned."""
    for obj in sorted(build.rglob("*.o")):
        if "tests" in obj.parts:
            continue
        out = subprocess.run(["nm", "-u", str(obj)], capture_output=True, text=True, check=True).stdout
        for symbol in re.findall(r"U (\w+)", out):
            if symbol in BANNED and symbol not in BANNED_ALLOWED.get(obj.stem, ()):
                complain(obj, 0, f"calls {symbol}()")


def compile_header(header, flags):
    """Each header compiles alone, twice."""
    include = f'#include "{header.relative_to(ROOT)}"\n'
    done = subprocess.run(["gcc", "-std=c17", "-Wall", "-Wextra", "-Werror", "-D_GNU_SOURCE", f"-I{ROOT}", *flags,
                           "-fsyntax-only", "-x", "c", "-"], input=include * 2, capture_output=True, text=True)
    if done.returncode != 0:
        complain(header, 1, "does not compile alone:\n" + done.stderr)


def check_format(paths):
    """clang-format has nothing to change."""
    done = subprocess.run(["clang-format-14", "--dry-run", "-Werror", "--ferror-limit=1", *map(str, paths)],
                          capture_output=True, text=True)
    for line in done.stderr.splitlines():
        if "error: code should be clang-formatted" in line:
            path, number, *_ = line.split(":")
            complain(path, number, "is not formatted: make fmt")


def check_tests(sources):
    """Each module has a unit test, or is named here with who tests it."""
    elsewhere = {"downloader/changeover", "downloader/inventory", "downloader/scrub", "downloader/updates",  # e2e/test_care.py
                 "downloader/main", "downloader/daemon", "downloader/daemon_hooks", "common/journald", "downloader/ops_metrics", "downloader/ops_backup", "cli/cli_backup", "downloader/notify", "downloader/hook", "downloader/backup", "downloader/ops", "downloader/ops_fit", "downloader/doctor", "downloader/ops_doctor", "downloader/ops_paste", "downloader/ops_choice",
                 "downloader/ops_downloads", "downloader/ops_models", "downloader/ops_care", "downloader/ops_trash", "downloader/ops_plan", "downloader/ops_preview", "downloader/ops_settings",
                 "downloader/ops_system", "downloader/account", "downloader/ops_token", "downloader/audit", "downloader/ops_audit", "downloader/ops_hub", "downloader/ops_sessions", "downloader/home", "fcgi/main", "fcgi/worker", "fcgi/guard",
                 "fcgi/app", "fcgi/routes", "fcgi/api_contract", "fcgi/api_downloads", "fcgi/api_hub", "fcgi/api_models", "fcgi/api_session", "fcgi/api_system", "fcgi/api_token", "common/clock", "common/privileges", "cli/main", "cli/cli_get",
                 "cli/cli_effect", "cli/cli_fit", "cli/cli_from", "cli/cli_preview", "cli/cli_ps", "cli/cli_status", "cli/cli_session", "cli/cli_term", "cli/cli_news", "cli/cli_token", "cli/cli_audit", "cli/cli_care", "cli/cli_link", "cli/cli_password"}
    tested = {p.stem.removeprefix("test_") for p in (ROOT / "tests/unit").glob("test_*.c")}
    for path in sources:
        module = module_of(path)
        noun = noun_of(module).split("/")[1]
        parts = {"_".join(noun.split("_")[:n]) for n in range(1, len(noun.split("_")) + 1)}
        if path.suffix == ".c" and module not in elsewhere and not parts & tested and noun not in tested:
            complain(path, 1, f"has no tests/unit/test_{noun}.c (nor an end-to-end test named in lint.py)")


def main():
    """All checks; findings to stdout, one a line."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--cflags", default="")
    parser.add_argument("build", type=Path)
    options = parser.parse_args()
    sources = sorted(p for folder in FOLDERS for p in (ROOT / folder).glob("*.[ch]"))
    for path in sources:
        text = path.read_text()
        check_includes(path, text)
        check_sizes(path, text)
    check_symbols(options.build)
    check_tests(sources)
    check_format(sources + sorted((ROOT / "tests").glob("*/*.[ch]")))
    with ThreadPoolExecutor() as pool:
        list(pool.map(lambda header: compile_header(header, options.cflags.split()),
                      [p for p in sources if p.suffix == ".h"]))
    for problem in problems:
        print(problem.replace(f"{ROOT}/", ""))
    print(f"lint: {len(sources)} files, {len(problems)} findings")
    return 1 if problems else 0


INTERNAL = {module_of(p) for folder in FOLDERS for p in (ROOT / folder).glob("*_internal.h")}

if __name__ == "__main__":
    sys.exit(main())
