#!/usr/bin/env bash
# Serves Larder from the source tree: larderd, larder-fcgi and nginx in the foreground, all state
# under one folder. `make run` and `make demo` call it.
#
#   run.sh BUILD_DIR VAR_DIR [--demo]
#
# LARDER_LISTEN=address:port moves the page (127.0.0.1:8080). Variables set in the environment win
# over those in etc/larder.env.
set -euo pipefail

top=$(cd "$(dirname "$0")/.." && pwd)
bin=$(cd "$1" && pwd)
var=$2
demo=${3:-}

# NAME=VALUE lines, as systemd reads them: blanks around both do not count, nor do the quotes around a value.
while IFS= read -r line || [ -n "$line" ]; do
	[[ $line =~ ^[[:blank:]]*([A-Z_]+)[[:blank:]]*=[[:blank:]]*(.*[^[:blank:]])?[[:blank:]]*$ ]] || continue
	name=${BASH_REMATCH[1]}
	value=${BASH_REMATCH[2]}
	if [[ $value =~ ^\"(.*)\"$ || $value =~ ^\'(.*)\'$ ]]; then
		value=${BASH_REMATCH[1]}
	fi
	[ -n "${!name+set}" ] || export "$name=$value"
done < <(cat "$top/etc/larder.env" 2>/dev/null || true)
listen=${LARDER_LISTEN:-127.0.0.1:8080}
base=${LARDER_BASE_PATH:-}
base=${base%%/}

# By root: neither program works as root, nor does nginx here. A folder that the other user cannot
# reach (below /root, say) is no place for what they keep.
nginx_user=
if [ "$(id -u)" -eq 0 ]; then
	export LARDER_USER=${LARDER_USER:-larder}
	id -u "$LARDER_USER" >/dev/null 2>&1 || LARDER_USER=nobody
	group=$(id -gn "$LARDER_USER")
	reaches() { setpriv --reuid "$LARDER_USER" --regid "$group" --clear-groups test -x "$1"; }
	mkdir -p "$var"
	if ! reaches "$(cd "$var" && pwd)"; then
		echo "run.sh: $LARDER_USER cannot reach $var; all is kept in /var/lib/larder" >&2
		var=/var/lib/larder
	fi
	nginx_user="user root;"
	reaches "$top/static" && nginx_user="user $LARDER_USER $group;"
fi
mkdir -p "$var/nginx"
var=$(cd "$var" && pwd)
if [ "$(id -u)" -eq 0 ]; then
	for folder in "$var/models" "$var/state" "$var/run"; do
		[ ! -O "$folder" ] || chown -R "$LARDER_USER:$group" "$folder"
	done
fi

export LARDER_MODELS_DIR=${LARDER_MODELS_DIR:-$var/models}
export LARDER_STATE_DIR=${LARDER_STATE_DIR:-$var/state}
export LARDER_RUNTIME_DIR=${LARDER_RUNTIME_DIR:-$var/run}
# Whichever of the two begins first finds a place for its socket.
if [ ! -d "$LARDER_RUNTIME_DIR" ]; then
	mkdir -m 750 -p "$LARDER_RUNTIME_DIR"
	[ "$(id -u)" -ne 0 ] || chown "$LARDER_USER:$group" "$LARDER_RUNTIME_DIR"
fi

pids=()
stop() {
	trap - EXIT INT TERM
	[ ${#pids[@]} -eq 0 ] || kill -TERM "${pids[@]}" 2>/dev/null || true
	wait || true
}
trap stop EXIT
trap 'exit 0' INT TERM

# Each in a session of its own, so that Ctrl-C reaches only this script, which then stops them once.
start() {
	setsid "$@" &
	pids+=($!)
}

if [ "$demo" = --demo ]; then
	rm -f "$var/demo.fifo"
	mkfifo "$var/demo.fifo"
	# Opening a FIFO waits for the other end, so the child does it, not this shell.
	export LARDER_DEMO_RATE=${LARDER_DEMO_RATE:-4000000}
	start env -C "$top" sh -c 'exec python3 -m tests.hub --set demo --rate "$LARDER_DEMO_RATE" >"$0"' \
		"$var/demo.fifo"
	read -r ready <"$var/demo.fifo"
	HF_ENDPOINT=$(sed -E 's/.*"endpoint": *"([^"]+)".*/\1/' <<<"$ready")
	export HF_ENDPOINT
fi

cat >"$var/nginx/nginx.conf" <<EOF
daemon off;
$nginx_user
worker_processes 1;
pid $var/nginx/pid;
error_log stderr warn;
events { worker_connections 1024; }
http {
	include /etc/nginx/mime.types;
	access_log off;
	client_body_temp_path $var/nginx/body;
	proxy_temp_path $var/nginx/proxy;
	fastcgi_temp_path $var/nginx/fastcgi;
	uwsgi_temp_path $var/nginx/uwsgi;
	scgi_temp_path $var/nginx/scgi;
	gzip on;
	gzip_types text/css application/javascript image/svg+xml;
	server {
		listen $listen;
		server_tokens off;
		include $var/nginx/larder.conf;
	}
}
EOF
sed -e "s|/hf|${base:-/hf}|g" -e "s|/usr/share/larder/static|$top/static|g" \
	-e "s|/run/larder/|$LARDER_RUNTIME_DIR/|g" -e "s|include fastcgi_params|include /etc/nginx/fastcgi_params|" \
	"$top/etc/nginx/larder${base:+-subpath}.conf" >"$var/nginx/larder.conf"
nginx=$(PATH=$PATH:/usr/sbin:/sbin command -v nginx)
"$nginx" -q -t -e stderr -p "$var/nginx" -c "$var/nginx/nginx.conf"

start "$bin/larderd"
start "$bin/larder-fcgi"
start "$nginx" -e stderr -p "$var/nginx" -c "$var/nginx/nginx.conf"
echo "Larder serves http://$listen$base/ and keeps models in $LARDER_MODELS_DIR (Ctrl-C stops it)"
if [ "$demo" = --demo ]; then
	echo "Its Hub is a stand-in at $HF_ENDPOINT: try acme/tiny-7b-GGUF:Q4_K_M"
fi
wait -n "${pids[@]}" || true
echo "run.sh: a part has ended; stopping the rest" >&2
exit 1
