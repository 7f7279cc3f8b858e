# Larder in one image: larderd, larder-fcgi, larder and nginx. docs/CONTAINER.md says how it is run.
#
#   docker build -t larder .
#   docker run -d --name larder -p 8080:8080 -v larder-models:/models -v larder-state:/state larder
ARG BASE=debian:bookworm-slim

# --- the programs ---
FROM ${BASE} AS build
WORKDIR /src
COPY etc/deps.sh etc/
RUN apt-get -qq update && apt-get -qq -y --no-install-recommends install make >/dev/null && etc/deps.sh build
COPY . .
RUN make BUILD=release DESTDIR=/out install \
	&& strip /out/usr/bin/larder /out/usr/sbin/larderd /out/usr/sbin/larder-fcgi \
	&& install -D -m 755 -t /out/usr/bin etc/container/larder-container \
	&& install -D -m 755 -t /out/usr/share/larder/container etc/container/service-run etc/container/service-finish \
	&& install -D -m 644 -t /out/etc/nginx etc/container/nginx.conf \
	&& rm -r /out/etc/larder /out/usr/lib /out/usr/share/doc /out/usr/share/man /out/usr/share/larder/caddy \
		/out/usr/share/larder/lighttpd /out/usr/share/larder/monitoring

# --- the image ---
FROM ${BASE}
# The folders are anybody's to write into, so that a new volume, which takes their mode, can be used by whatever UID the
# container runs as; nobody else is in here. What /run gets from a tmpfs is the mode that it has here, too.
RUN apt-get -qq update \
	&& DEBIAN_FRONTEND=noninteractive apt-get -qq -y --no-install-recommends install ca-certificates nginx s6 tzdata \
		libcmark-gfm0.29.0.gfm.6 libcmark-gfm-extensions0.29.0.gfm.6 libcurl4 libevent-2.1-7 libevent-pthreads-2.1-7 libfcgi0ldbl libjson-c5 libpcre2-8-0 libseccomp2 libsodium23 \
		libsystemd0 libsqlite3-0 libssl3 libxxhash0 >/dev/null \
	&& rm -rf /var/lib/apt/lists/* /var/cache/apt/* /var/cache/debconf/*-old /var/cache/ldconfig/* /var/log/* \
		/var/lib/dpkg/*-old /usr/share/man/* /usr/share/locale/* /usr/share/nginx/html /var/www \
	&& find /usr/share/doc -depth -type f ! -name copyright -delete \
	&& groupadd --gid 1000 larder \
	&& useradd --uid 1000 --gid 1000 --no-create-home --home-dir /state --shell /usr/sbin/nologin larder \
	&& rm -f /etc/passwd- /etc/group- /etc/shadow- /etc/gshadow- /etc/subuid- /etc/subgid- \
	&& install -d -o 1000 -g 1000 -m 1777 /models /state \
	&& chmod 1777 /run /tmp \
	&& find / -xdev -type f -perm /6000 -exec chmod a-s {} +
COPY --from=build /out /
ENV LARDER_MODELS_DIR=/models LARDER_STATE_DIR=/state LARDER_RUNTIME_DIR=/run/larder
USER 1000:1000
WORKDIR /models
EXPOSE 8080
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=30s --timeout=10s --start-period=30s --retries=3 CMD ["larder-container", "health"]
ENTRYPOINT ["larder-container"]
CMD ["all"]
LABEL org.opencontainers.image.title="Larder" \
	org.opencontainers.image.description="Fetches models from the Hugging Face Hub onto your own server, and proves every byte" \
	org.opencontainers.image.licenses="MIT"
