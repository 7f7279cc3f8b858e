/*
 * By which names this server may be called, so that a foreign page cannot reach it under a name
 * of its own that it has made to mean this machine (DNS rebinding). Names that nobody outside
 * can hand out are good: addresses, localhost, names without a dot, and those of
 * home networks (.local, .lan, .home.arpa, .internal, .localhost).
 *
 * Pure. Any thread.
 */
#ifndef COMMON_HOSTS_H
#define COMMON_HOSTS_H

#include "common/base.h"

struct error;

/* `host` is what a Host header says, with or without a port. `list` is names with commas
 * between, "*" for any; "*.example.org" is every name below it; those named above are good
 * besides. -1 with ERR_WRONG_HOST. */
int hosts_check(struct str list, struct str host, struct error *err) MUST_USE;

/* Where nobody signs in, only this machine is served: -1 with ERR_NOT_THIS_MACHINE for who
 * comes from another. `address` is what the web server says of the client; one that it does not
 * tell ("", "unix:") is somebody here. */
int hosts_check_client(struct str address, struct error *err) MUST_USE;

/* A Host header without its port: "[::1]:8080" is "[::1]". */
struct str hosts_without_port(struct str host);

/* The name in a Host header, without its port and a last dot. */
struct str hosts_name(struct str host);

#endif
