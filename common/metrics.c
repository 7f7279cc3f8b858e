#include "common/metrics.h"

enum {
	US_PER_S = 1000 * 1000,
};

void metrics_family(struct buf *b, const char *name, const char *kind, const char *help)
{
	buf_addf(b, "# HELP %s %s\n# TYPE %s %s\n", name, help, name, kind);
}

static void add_name(struct buf *b, const char *name, const char *labels)
{
	buf_add(b, str_from(name));
	if (labels != NULL)
		buf_addf(b, "{%s}", labels);
}

void metrics_value(struct buf *b, const char *name, const char *labels, uint64_t value)
{
	add_name(b, name, labels);
	buf_addf(b, " %llu\n", (unsigned long long)value);
}

void metrics_seconds(struct buf *b, const char *name, const char *labels, uint64_t us)
{
	add_name(b, name, labels);
	buf_addf(b, " %llu.%06llu\n", (unsigned long long)(us / US_PER_S),
		 (unsigned long long)(us % US_PER_S));
}

void metrics_one(struct buf *b, const char *name, const char *kind, const char *help,
		 uint64_t value)
{
	metrics_family(b, name, kind, help);
	metrics_value(b, name, NULL, value);
}
