#!/bin/sh
# install-pages.sh FROM TO: puts the pages of FROM (static/) into TO. What index.html refers to lies in a folder named after
# what it holds: an upgrade never mixes old parts with new ones, whatever a browser or a proxy has kept.
set -eu
from=$1
to=$2
parts="css icons js icons.svg"

# shellcheck disable=SC2086
version=$(cd "$from" && find $parts -type f | LC_ALL=C sort | xargs sha256sum | sha256sum | cut -c1-12)
rm -rf "$to"
install -d "$to/$version"
for part in $parts; do
	cp -R "$from/$part" "$to/$version/"
done
find "$to/$version" -type f -exec chmod 644 {} +
for page in index.html manifest.webmanifest; do
	sed -E "s#\"(css|icons|js)/#\"$version/\1/#g; s#\"icons\.svg\##\"$version/icons.svg\##g" "$from/$page" >"$to/$page"
	chmod 644 "$to/$page"
done
