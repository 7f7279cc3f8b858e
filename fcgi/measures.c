#include "fcgi/measures.h"

#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>

#include "common/metrics.h"

enum {
	CLASSES = 6, /* of statuses: 1xx to 5xx, at their first digit */
	ERROR_CLASS =
		5, /* told from the beginning, so that the first one is seen as a change */
	LABELS_MAX = 160,
};

/* What a request may take, in microseconds: a health check takes one, a question to the Hub ten
 * thousand times that. */
static const uint64_t bounds_us[] = { 1000,   2500,   5000,    10000,   25000,   50000,
				      100000, 250000, 1000000, 5000000, 30000000 };
static const char *const bounds[] = { "0.001", "0.0025", "0.005", "0.01", "0.025", "0.05",
				      "0.1",   "0.25",   "1",     "5",    "30" };

static_assert(ARRAY_LEN(bounds) == ARRAY_LEN(bounds_us), "each bound has its text");

struct measure {
	atomic_uint_least64_t answers[CLASSES];
	atomic_uint_least64_t within[ARRAY_LEN(bounds_us)]; /* not of the smaller ones too */
	atomic_uint_least64_t us;
};

struct measures {
	const struct route *routes;
	size_t n;
	struct measure *rows; /* one a route, and one for what led nowhere */
};

struct measures *measures_new(const struct route *routes, size_t n)
{
	struct measures *m = mem_alloc(sizeof(*m));

	m->routes = routes;
	m->n = n;
	m->rows = mem_array(n + 1, sizeof(*m->rows));
	return m;
}

void measures_free(struct measures **measures)
{
	struct measures *m = *measures;

	*measures = NULL;
	if (m == NULL)
		return;
	free(m->rows);
	free(m);
}

static void raise(atomic_uint_least64_t *counter, uint64_t by)
{
	(void)atomic_fetch_add_explicit(counter, by, memory_order_relaxed);
}

void measures_add(struct measures *m, const struct route *route, int status, uint64_t us)
{
	struct measure *row = &m->rows[route != NULL ? (size_t)(route - m->routes) : m->n];
	int class = status / 100;

	raise(&row->answers[class > 0 && class < CLASSES ? class : CLASSES - 1], 1);
	raise(&row->us, us);
	for (size_t i = 0; i < ARRAY_LEN(bounds_us); i++) {
		if (us <= bounds_us[i]) {
			raise(&row->within[i], 1);
			return;
		}
	}
}

static uint64_t read_counter(const atomic_uint_least64_t *counter)
{
	return atomic_load_explicit(counter, memory_order_relaxed);
}

static uint64_t count(const struct measure *row)
{
	uint64_t sum = 0;

	for (size_t i = 0; i < CLASSES; i++)
		sum += read_counter(&row->answers[i]);
	return sum;
}

static void name_route(const struct measures *m, size_t i, char ret[LABELS_MAX])
{
	if (i < m->n)
		(void)snprintf(ret, LABELS_MAX, "method=\"%s\",route=\"%s\"",
			       method_name(m->routes[i].method), m->routes[i].pattern);
	else
		(void)snprintf(ret, LABELS_MAX, "method=\"\",route=\"\"");
}

static void print_answers(const struct measures *m, struct buf *b)
{
	static const char name[] = "larder_http_requests_total";

	metrics_family(b, name, "counter", "Requests that larder-fcgi has answered.");
	for (size_t i = 0; i <= m->n; i++) {
		for (unsigned class = 1; class < CLASSES; class ++) {
			uint64_t n = read_counter(&m->rows[i].answers[class]);
			char route[LABELS_MAX];
			AUTO_CSTR labels = NULL;

			if (n == 0 && (class != ERROR_CLASS || count(&m->rows[i]) == 0))
				continue;
			name_route(m, i, route);
			labels = mem_printf("%s,status=\"%uxx\"", route, class);
			metrics_value(b, name, labels, n);
		}
	}
}

static void print_durations(const struct measures *m, size_t i, struct buf *b)
{
	const struct measure *row = &m->rows[i];
	AUTO_CSTR all = NULL;
	char route[LABELS_MAX];
	uint64_t sum = 0;

	name_route(m, i, route);
	for (size_t k = 0; k < ARRAY_LEN(bounds); k++) {
		AUTO_CSTR labels = mem_printf("%s,le=\"%s\"", route, bounds[k]);

		sum += read_counter(&row->within[k]);
		metrics_value(b, "larder_http_request_duration_seconds_bucket", labels, sum);
	}
	all = mem_printf("%s,le=\"+Inf\"", route);
	metrics_value(b, "larder_http_request_duration_seconds_bucket", all, count(row));
	metrics_seconds(b, "larder_http_request_duration_seconds_sum", route,
			read_counter(&row->us));
	metrics_value(b, "larder_http_request_duration_seconds_count", route, count(row));
}

void measures_print(const struct measures *m, struct buf *b)
{
	print_answers(m, b);
	metrics_family(b, "larder_http_request_duration_seconds", "histogram",
		       "How long requests took, from when they were read.");
	for (size_t i = 0; i <= m->n; i++) {
		if (count(&m->rows[i]) > 0)
			print_durations(m, i, b);
	}
}
