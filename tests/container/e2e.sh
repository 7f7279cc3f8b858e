#!/usr/bin/env bash
# The end-to-end tests of tests/e2e, with the image's larderd, larder-fcgi, larder and nginx, on its libraries:
#
#   e2e.sh FOLDER [PYTEST_ARGUMENT]...     FOLDER as build.sh has filled it; without a file, all of tests/e2e
#
# pytest runs on the host, and starts what lies in a folder of wrappers. Each becomes the program in a root file system made of
# the image, with the host's /tmp, /dev, /proc, /sys and this tree in it: as they are, with what a test mounts later, or, where
# a test has given the program mounts of its own, as they are with these.
set -euo pipefail

# In a namespace of its own all is mounted; out here the folder that it is in is nothing but a folder, and safe to remove.
if [ -z "${LARDER_E2E_WORK:-}" ]; then
	LARDER_E2E_WORK=$(mktemp -d -p /var/tmp larder-e2e-XXXXXX)
	export LARDER_E2E_WORK
	trap 'rm -rf --one-file-system "$LARDER_E2E_WORK"' EXIT
	chmod 755 "$LARDER_E2E_WORK"
	unshare --mount "$0" "$@"
	exit
fi
work=$LARDER_E2E_WORK
top=$(cd "$(dirname "$0")/../.." && pwd)
image=$(cd "$1" && pwd)/root
shift

# A layer over the image, for the folders that are mounted into.
mkdir "$work"/{upper,work,root,programs}
mount -t overlay -o "lowerdir=$image,upperdir=$work/upper,workdir=$work/work" overlay "$work/root"
mkdir -p "$work/root$top"
mount --make-rshared /
cat >"$work/bind" <<-END
	for folder in /tmp /dev /proc /sys $top; do mount --rbind "\$folder" "$work/root\$folder"; done
END
sh -e "$work/bind"

for program in larderd larder-fcgi larder nginx; do
	cat >"$work/programs/$program" <<-END
		#!/bin/sh
		# What is to be put before larderd (LD_PRELOAD) is not put before the programs that lead to it.
		export PRELOAD="\${LD_PRELOAD:-}" PATH="\$PATH:/usr/sbin:/sbin"
		unset LD_PRELOAD
		into="exec chroot $work/root env -u PRELOAD \${PRELOAD:+LD_PRELOAD='\$PRELOAD'} $program"
		if [ "\$(readlink /proc/self/ns/mnt)" = "$(readlink /proc/self/ns/mnt)" ]; then
			eval "\$into \"\\\$@\""
		fi
		exec unshare --mount sh -ec ". $work/bind; \$into \"\\\$@\"" $program "\$@"
	END
	chmod 755 "$work/programs/$program"
done

# What these wrappers cannot do: hand on that a mount has become read-only, mount over the image's own /etc/ssl, show /var/tmp
# (all of this lies there), and begin anything without root.
not_here=(
	--deselect tests/e2e/test_disk.py::test_a_disk_that_is_read_only_is_waited_for
	--deselect tests/e2e/test_faults.py::test_a_redirect_from_https_to_http_is_not_followed
	--deselect tests/e2e/test_notify.py::test_a_command_has_no_powers
	--deselect tests/e2e/test_run.py::test_an_ordinary_user_with_an_empty_folder
)

cd "$top"
[ $# -gt 0 ] || set -- tests/e2e
PATH=$work/programs:$PATH LARDER_TEST_PROGRAMS=$work/programs LARDER_TEST_FLAVOUR=release \
	"$top/build/venv/bin/python" -m pytest -q -n auto "${not_here[@]}" "$@"
