#!/usr/bin/env bash
# Runs every unit test program of a folder: their own closing lines, and a sum at the end.
set -u
# A program that hangs is ended, and has failed.
LONGEST_S=1800
passed=0
failed=0
for program in "$1"/test_*; do
	case $program in *.d | *.o) continue ;; esac
	if output=$(timeout --verbose "$LONGEST_S" "$program" 2>&1); then
		passed=$((passed + $(grep -c '^\[       OK \]' <<<"$output")))
	else
		printf '%s\n' "$output"
		failed=$((failed + 1))
		echo "FAILED: $program"
	fi
done
echo "unit tests in $1: $passed passed, $failed failed"
echo "$passed passed, $failed failed"
[ "$failed" -eq 0 ] && [ "$passed" -gt 0 ]
