#!/usr/bin/env bash
# Builds the image of the Dockerfile, as an engine does but without one, and unpacks it:
#
#   build.sh FOLDER     FOLDER/root is its root file system, FOLDER/config.json what it says of itself
#
# Root's. The base is debootstrap's minimal Debian without what debian:bookworm-slim leaves out, too: documents, manuals and
# translations. It is made once; `rm -r FOLDER` has all made anew.
set -euo pipefail

top=$(cd "$(dirname "$0")/../.." && pwd)
mkdir -p "$1"
folder=$(cd "$1" && pwd)
suite=bookworm
[ "$(id -u)" -eq 0 ] || {
	echo "build.sh: only root can build an image without an engine" >&2
	exit 1
}
buildah=(buildah --log-level error --storage-driver vfs --root "$folder/storage" --runroot "$folder/storage-run")
say() { printf '  %-7s %s\n' "$1" "$2"; }

# What reaches the packages from this machine reaches them from inside, too, and does not come into the image.
apt=()
# shellcheck source=/dev/null
if [ "$(. /etc/os-release && echo "$VERSION_CODENAME")" = $suite ]; then
	apt=(-v /etc/apt:/etc/apt:ro)
fi

make_base() {
	local base=$folder/base container

	say BASE "debootstrap $suite"
	rm -rf "$base"
	debootstrap --variant=minbase $suite "$base" >"$folder/debootstrap.log" 2>&1 || {
		tail -n 20 "$folder/debootstrap.log" >&2
		exit 1
	}
	printf 'path-exclude /usr/share/%s/*\n' doc man info locale groff lintian linda \
		>"$base/etc/dpkg/dpkg.cfg.d/docker"
	printf 'path-include /usr/share/doc/*/copyright\n' >>"$base/etc/dpkg/dpkg.cfg.d/docker"
	rm -rf "$base"/usr/share/{man,info,locale,groff,lintian,linda}/* "$base"/var/cache/apt/* \
		"$base"/var/lib/apt/lists/* "$base"/var/log/* "$base"/var/cache/{ldconfig,debconf}/*
	find "$base/usr/share/doc" -type f ! -name copyright -delete
	find "$base/usr/share/doc" -depth -type d -empty -delete
	# Without its /dev: an engine gives one.
	find "$base/dev" -mindepth 1 -delete
	container=$("${buildah[@]}" from scratch)
	"${buildah[@]}" add -q "$container" "$base" / >/dev/null
	"${buildah[@]}" commit -q "$container" "debian:$suite-slim" >/dev/null
	"${buildah[@]}" rm "$container" >/dev/null
	du -s --apparent-size -B1 "$base" | cut -f1 >"$folder/base-size"
	rm -rf "$base"
}

# Each layer is a whole copy here, and those of earlier builds stay: after some builds it is time to begin anew.
if [ -e "$folder/storage" ] && [ "$(du -sm "$folder/storage" | cut -f1)" -gt 8000 ]; then
	rm -rf "$folder/storage" "$folder/storage-run" "$folder/base-size"
fi
[ -e "$folder/base-size" ] || make_base

say IMAGE "buildah bud"
"${buildah[@]}" bud --isolation chroot --format docker --layers --pull-never "${apt[@]}" -t larder "$top" \
	>"$folder/bud.log" 2>&1 || {
	tail -n 40 "$folder/bud.log" >&2
	exit 1
}

"${buildah[@]}" inspect --type image larder >"$folder/config.json"
container=$("${buildah[@]}" from --pull-never larder)
rm -rf "$folder/root"
cp -a "$("${buildah[@]}" mount "$container")" "$folder/root"
"${buildah[@]}" rm "$container" >/dev/null
