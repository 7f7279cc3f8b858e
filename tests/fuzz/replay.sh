#!/usr/bin/env bash
# Runs every fuzzer of a folder over the corpus in the tree, once, under ASan and UBSan.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
inputs=0
programs=0
for program in "$1"/fuzz_*; do
	name=${program##*/fuzz_}
	if [ ! -d "$here/corpus/$name" ]; then
		echo "FAILED: $name has no corpus"
		exit 1
	fi
	files=("$here/corpus/$name"/*)
	if ! log=$("$program" -timeout=10 -rss_limit_mb=2048 "${files[@]}" 2>&1); then
		printf '%s\n' "$log" | tail -40
		echo "FAILED: $name"
		exit 1
	fi
	inputs=$((inputs + ${#files[@]}))
	programs=$((programs + 1))
done
echo "fuzz-replay: $inputs inputs through $programs fuzzers, none broke"
