#!/usr/bin/env bash
# Makes a Debian package of this tree, for the Debian that it runs on, and has lintian look at it.
#
#   make-deb.sh FOLDER [VERSION]     into FOLDER; VERSION other than debian/changelog's, to try an upgrade
set -euo pipefail

top=$(cd "$(dirname "$0")/.." && pwd)
mkdir -p "$1"
out=$(cd "$1" && pwd)
version=${2:-}

rm -rf "$out/tree" "$out"/larder*_*
mkdir -p "$out/tree"
# What is under version control, as it is now; a source package has no git.
if [ -e "$top/.git" ]; then
	(cd "$top" && git ls-files -z --cached --others --exclude-standard) |
		(cd "$top" && xargs -0 sh -c 'for f; do [ ! -e "$f" ] || printf "%s\0" "$f"; done' sh) |
		tar -C "$top" --null -T - -c | tar -C "$out/tree" -x
else
	tar -C "$top" --exclude=./build --exclude=./var -c . | tar -C "$out/tree" -x
fi
cd "$out/tree"
if [ -n "$version" ]; then
	sed -i "1s/([^)]*)/($version)/" debian/changelog
fi
dpkg-buildpackage -b -us -uc >"$out/log" 2>&1 || {
	tail -40 "$out/log" >&2
	exit 1
}
cd "$out"
rm -rf tree
lintian --fail-on error,warning --tag-display-limit 0 larder_*.changes
ls -1 "$out"/larder_*.deb
