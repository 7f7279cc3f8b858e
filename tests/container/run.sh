#!/usr/bin/env bash
# Runs a command in the root file system of the image as an engine would run it, with all that compose.yaml takes away: a
# read-only root, tmpfs without the right to execute on /run and /tmp, no capabilities, no new privileges, the default filter of
# system calls, its own processes and mounts, and the command as process 1. The network is that of the caller.
#
#   unshare --mount --pid --fork run.sh ROOT UID:GID [HOST:INSIDE[:ro]]... -- COMMAND...
#
# The environment is handed on as it is. NO_TMPFS=1 leaves /run and /tmp as they are in the image; LAYER=FOLDER does so, too, and
# keeps in FOLDER what is written anywhere, as an engine does that was asked for nothing.
set -euo pipefail

here=$(cd "$(dirname "$0")" && pwd)
root=$1
user=$2
shift 2
volumes=()
while [ "$1" != -- ]; do
	volumes+=("$1")
	shift
done
shift

mount --make-rprivate /
if [ -n "${LAYER:-}" ]; then
	mkdir -p "$LAYER"/{upper,work,root}
	mount -t overlay -o "lowerdir=$root,upperdir=$LAYER/upper,workdir=$LAYER/work" overlay "$LAYER/root"
	root=$LAYER/root
else
	mount --bind "$root" "$root"
	mount -o remount,bind,ro "$root"
fi
if [ -z "${NO_TMPFS:-}${LAYER:-}" ]; then
	mount -t tmpfs -o noexec,nosuid,nodev,size=64m,mode=1777 tmpfs "$root/run"
	mount -t tmpfs -o noexec,nosuid,nodev,size=64m,mode=1777 tmpfs "$root/tmp"
fi
unset NO_TMPFS LAYER
mount -t proc -o noexec,nosuid,nodev proc "$root/proc"
mount -t tmpfs -o noexec,nosuid,size=64k,mode=0755 tmpfs "$root/dev"
for device in null zero full random urandom; do
	touch "$root/dev/$device"
	mount --bind "/dev/$device" "$root/dev/$device"
done
ln -s /proc/self/fd "$root/dev/fd"
for volume in "${volumes[@]}"; do
	IFS=: read -r from to mode <<<"$volume"
	mkdir -p "$root$to"
	mount --bind "$from" "$root$to"
	[ "$mode" != ro ] || mount -o remount,bind,ro "$root$to"
done
exec /usr/bin/python3 "$here/become.py" /usr/share/containers/seccomp.json "$root" "$user" "$@"
