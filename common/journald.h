/*
 * journald's native protocol (https://systemd.io/JOURNAL_NATIVE_PROTOCOL/): a line of the log
 * and its fields as one datagram. Not by sd_journal_sendv(3): that makes a memory file when a
 * datagram does not go, which no program of ours may (sandbox.h).
 *
 * Any thread.
 */
#ifndef COMMON_JOURNALD_H
#define COMMON_JOURNALD_H

#include "common/base.h"

/* A socket to journald when stderr is its stream ($JOURNAL_STREAM), else -1. */
int journald_open(void);

/* `fields` is "NAME=value\n" again and again, no value with a line feed. False when it did not
 * go. */
bool journald_send(int fd, struct str fields);

#endif
