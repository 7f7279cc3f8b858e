#!/usr/bin/env bash
# Installs what is missing on Debian 12 or Ubuntu 24.04, and leaves no service started or enabled.
#
#   deps.sh build run     what `make run` needs
#   deps.sh build run test   and what `make check` needs
#   deps.sh build run test bench   and what `make bench` measures Larder beside
#   deps.sh build package          what `make deb` needs
#   deps.sh build package machine  and what `make check-systemd` boots
#   deps.sh container       what `make check-container` builds the image with
set -euo pipefail

build='gcc libc6-dev pkg-config libfcgi-dev libcurl4-openssl-dev libevent-dev libjson-c-dev
	libssl-dev libseccomp-dev libsodium-dev libsystemd-dev libxxhash-dev libsqlite3-dev
	libpcre2-dev libcmark-gfm-dev libcmark-gfm-extensions-dev'
run='nginx-light python3'
test='libcmocka-dev clang clang-format-14 clang-tidy cppcheck libclang-rt-14-dev binutils
	python3-venv lighttpd lighttpd-mod-deflate caddy curl chromium fonts-dejavu-core openssl zsh fish'
package='build-essential debhelper dpkg-dev lintian'
machine='debootstrap systemd-container'
bench='aria2 openssl e2fsprogs'
container='buildah debootstrap docker-compose iproute2 python3-seccomp python3-venv'
servers='nginx caddy lighttpd'

missing=()
want() { dpkg-query -W -f '${db:Status-Status}\n' "$1" 2>/dev/null | grep -qx installed || missing+=("$1"); }
for group in "$@"; do
	for name in ${!group}; do
		want "$name"
	done
	if [ "$group" = test ]; then
		# Any Node will do, also one that is not Debian's.
		command -v node >/dev/null || missing+=(nodejs)
		command -v npm >/dev/null || missing+=(npm)
	fi
done
[ ${#missing[@]} -gt 0 ] || exit 0

sudo=
[ "$(id -u)" -eq 0 ] || sudo=sudo
export DEBIAN_FRONTEND=noninteractive

# Debian asks this file before it starts a service.
policy=/usr/sbin/policy-rc.d
made_policy=
if [ ! -e $policy ]; then
	printf '#!/bin/sh\nexit 101\n' | $sudo tee $policy >/dev/null
	$sudo chmod 755 $policy
	made_policy=1
fi
cleanup() { [ -z "$made_policy" ] || $sudo rm -f $policy; }
trap cleanup EXIT

echo "  APT     ${missing[*]}"
$sudo apt-get -qq update
$sudo env DEBIAN_FRONTEND=noninteractive apt-get -qq -y --no-install-recommends install "${missing[@]}" >/dev/null

# A web server that came with this must not start at the next boot either.
for server in $servers; do
	for name in "${missing[@]}"; do
		case $name in
		"$server" | "$server"-*)
			$sudo rm -f "/etc/systemd/system/multi-user.target.wants/$server.service"
			$sudo update-rc.d "$server" disable >/dev/null 2>&1 || true
			;;
		esac
	done
done
