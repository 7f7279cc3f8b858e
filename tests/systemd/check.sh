#!/usr/bin/env bash
# Boots a Debian 12 with systemd in a namespace, without a network, and has inside.py do there what an operator does: install
# the package, configure, download, restart, kill, upgrade, remove. Root only.
#
#   check.sh DEB_FOLDER WORK_FOLDER [--e2e [PYTEST_ARGUMENT]...]
#
# --e2e runs the end-to-end tests of `make e2e` in that machine instead, with the programs of the package.
set -euo pipefail

top=$(cd "$(dirname "$0")/../.." && pwd)
debs=$(cd "$1" && pwd)
mkdir -p "$2"
work=$(cd "$2" && pwd)
shift 2
base=$work/base

# The machine that all begin with; made once. Its packages come from where this machine's come from.
make_base() {
	rm -rf "$base" "$base.new"
	debootstrap --variant=minbase bookworm "$base.new" >"$work/debootstrap.log" 2>&1
	rm -rf "$base.new/etc/apt"
	cp -a /etc/apt "$base.new/etc/apt"
	cp /etc/resolv.conf /etc/hosts "$base.new/etc/"
	for file in /etc/ssl/certs/ca-certificates.crt; do
		[ ! -e "$file" ] || install -D -m 644 "$file" "$base.new$file"
	done
	printf '#!/bin/sh\nexit 101\n' >"$base.new/usr/sbin/policy-rc.d"
	chmod 755 "$base.new/usr/sbin/policy-rc.d"
	# What the package depends on comes along; the package itself is for the machine that runs.
	# shellcheck disable=SC2046
	chroot "$base.new" sh -c 'apt-get -qq update && DEBIAN_FRONTEND=noninteractive apt-get -qq -y \
		--no-install-recommends install "$@"' sh systemd-sysv dbus python3 nodejs git procps nginx-light caddy lighttpd \
		lighttpd-mod-deflate curl openssl util-linux e2fsprogs \
		$(dpkg-deb -f "$debs"/larder_*.deb Depends | sed -E 's/\([^)]*\)//g; s/\|[^,]*//g; s/,/ /g') \
		>"$work/apt.log" 2>&1
	rm -f "$base.new/usr/sbin/policy-rc.d"
	for server in caddy lighttpd; do
		rm -f "$base.new/etc/systemd/system/multi-user.target.wants/$server.service"
	done
	mv "$base.new" "$base"
}
[ -d "$base" ] || make_base

# One that is a version on, to be upgraded to.
rm -rf "$work/debs"
mkdir -p "$work/debs" "$work/out"
cp "$debs"/larder_*.deb "$work/debs/old.deb"
rm -rf "$work/repack"
dpkg-deb -R "$work/debs/old.deb" "$work/repack"
sed -i -E 's/^Version: .*/&+next/' "$work/repack/DEBIAN/control"
dpkg-deb --root-owner-group -b "$work/repack" "$work/debs/next.deb" >/dev/null
rm -rf "$work/repack" "$work/out"
mkdir -p "$work/out"

mkdir -p "$work/upper" "$work/scratch" "$work/root"
umount -q "$work/root" 2>/dev/null || true
rm -rf "$work/upper" "$work/scratch"
mkdir -p "$work/upper" "$work/scratch"
mount -t overlay overlay -o "lowerdir=$base,upperdir=$work/upper,workdir=$work/scratch" "$work/root"
trap 'umount "$work/root"; rm -rf "$work/upper" "$work/scratch"' EXIT

printf '%s\n' "$@" >"$work/out/arguments"
cat >"$work/root/etc/systemd/system/larder-check.service" <<EOF
[Unit]
Description=What the test does in this machine
After=multi-user.target
SuccessAction=exit
FailureAction=exit
[Service]
Type=oneshot
Environment=PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1 LARDER_SOURCE=$top
ExecStart=/usr/bin/python3 $top/tests/systemd/inside.py /out
StandardOutput=file:/out/log
StandardError=inherit
EOF
mkdir -p "$work/root/etc/systemd/system/multi-user.target.wants"
ln -sf ../larder-check.service "$work/root/etc/systemd/system/multi-user.target.wants/larder-check.service"

status=0
systemd-nspawn --quiet -D "$work/root" --register=no --keep-unit --private-network --console=pipe \
	--system-call-filter="landlock_create_ruleset landlock_add_rule landlock_restrict_self" \
	--tmpfs=/var/tmp:mode=1777,size=12g --bind-ro="$top:$top" --bind="$work/out:/out" --bind-ro="$work/debs:/debs" -b \
	>"$work/console" 2>&1 </dev/null || status=$?
cat "$work/out/log" 2>/dev/null || true
if [ "$status" -ne 0 ] || [ "$(cat "$work/out/status" 2>/dev/null)" != 0 ]; then
	echo "systemd: the machine ended with $status; its console is in $work/console" >&2
	tail -20 "$work/console" >&2
	exit 1
fi
