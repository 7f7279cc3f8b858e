#!/usr/bin/env bash
# Runs every fuzzer of a folder for some seconds, beginning with the corpus in the tree; what it
# finds on the way is kept beside the program, what breaks it is printed.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
for program in "$1"/fuzz_*; do
	name=${program##*/fuzz_}
	grown="$1/corpus/$name"
	seeds="$here/corpus/$name"
	mkdir -p "$grown"
	[ -d "$seeds" ] || seeds=
	dict=$here/corpus/$name/$name.dict
	echo "  FUZZ    $name"
	log="$1/$name.log"
	options=(-max_total_time="$2" -print_final_stats=1 -timeout=10 -rss_limit_mb=2048)
	[ ! -f "$dict" ] || options+=("-dict=$dict")
	if ! "$program" "${options[@]}" -artifact_prefix="$1/" "$grown" $seeds >"$log" 2>&1; then
		tail -40 "$log"
		echo "FAILED: $name"
		exit 1
	fi
	grep number_of_executed_units "$log"
done
