/*
 * Prometheus' text format (https://prometheus.io/docs/instrumenting/exposition_formats/): a
 * family has its name, kind and help once, then its values. Names and labels are literals of
 * ours, or of a small set; no foreign text is a label.
 *
 * One buffer, one thread.
 */
#ifndef COMMON_METRICS_H
#define COMMON_METRICS_H

#include "common/buf.h"

#define METRICS_TYPE "text/plain; version=0.0.4"

/* `kind` is "counter", "gauge" or "histogram". */
void metrics_family(struct buf *b, const char *name, const char *kind, const char *help);

/* `labels` is NULL or as it stands between the braces: state="paused". */
void metrics_value(struct buf *b, const char *name, const char *labels, uint64_t value);

/* The same in seconds, from microseconds. */
void metrics_seconds(struct buf *b, const char *name, const char *labels, uint64_t us);

/* A family with one value. */
void metrics_one(struct buf *b, const char *name, const char *kind, const char *help,
		 uint64_t value);

#endif
