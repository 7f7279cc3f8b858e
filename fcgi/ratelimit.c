#include "fcgi/ratelimit.h"

#include <arpa/inet.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <sodium.h>

enum {
	WAYS = 8, /* buckets that a key may be in: the one that is fullest again is given up */
	SETS = RATELIMIT_KEPT / WAYS,
};

/* A bucket is full again at `full_us`; each request moves that on by what one costs. */
struct bucket {
	uint64_t key;
	uint64_t full_us;
};

struct ratelimit {
	pthread_mutex_t lock;
	unsigned char secret[crypto_shorthash_KEYBYTES]; /* nobody can choose who collides */
	struct bucket buckets[SETS][WAYS];
};

struct ratelimit *ratelimit_new(void)
{
	struct ratelimit *r = mem_alloc(sizeof(*r));

	(void)pthread_mutex_init(&r->lock, NULL);
	randombytes_buf(r->secret, sizeof(r->secret));
	return r;
}

void ratelimit_free(struct ratelimit **ratelimit)
{
	if (*ratelimit == NULL)
		return;
	(void)pthread_mutex_destroy(&(*ratelimit)->lock);
	free(*ratelimit);
	*ratelimit = NULL;
}

static uint64_t key_of(const struct ratelimit *r, struct str who, unsigned kind)
{
	AUTO_CSTR text = mem_printf("%u %.*s", kind, (int)who.n, who.n > 0 ? who.p : "");
	unsigned char hash[crypto_shorthash_BYTES];
	uint64_t key;

	(void)crypto_shorthash(hash, (const unsigned char *)text, strlen(text), r->secret);
	memcpy(&key, hash, sizeof(key));
	return key;
}

static struct bucket *bucket_of(struct ratelimit *r, uint64_t key)
{
	struct bucket *set = r->buckets[key % SETS];
	struct bucket *fullest = &set[0];

	for (size_t i = 0; i < WAYS; i++) {
		if (set[i].key == key)
			return &set[i];
		if (set[i].full_us < fullest->full_us)
			fullest = &set[i];
	}
	*fullest = (struct bucket){ .key = key };
	return fullest;
}

struct ratelimit_answer ratelimit_take(struct ratelimit *r, struct str who, unsigned kind,
				       struct ratelimit_rule rule, uint64_t now_us)
{
	struct ratelimit_answer answer = { .is_allowed = true };
	uint64_t window_us = (uint64_t)rule.window_s * 1000000;
	uint64_t cost_us;
	uint64_t full_us;
	struct bucket *bucket;

	if (rule.requests == 0)
		return answer;
	cost_us = window_us / rule.requests;
	(void)pthread_mutex_lock(&r->lock);
	bucket = bucket_of(r, key_of(r, who, kind));
	full_us = (bucket->full_us > now_us ? bucket->full_us : now_us) + cost_us;
	answer.is_allowed = full_us <= now_us + window_us;
	if (answer.is_allowed)
		bucket->full_us = full_us;
	else
		answer.retry_after_s = (unsigned)((full_us - now_us - window_us) / 1000000) + 1;
	if (answer.is_allowed)
		answer.remaining = (unsigned)((now_us + window_us - full_us) / cost_us);
	(void)pthread_mutex_unlock(&r->lock);
	return answer;
}

void ratelimit_address(const char *address, char *ret, size_t room)
{
	static const unsigned char mapped[12] = { [10] = 0xff, [11] = 0xff };
	unsigned char bytes[sizeof(struct in6_addr)];
	char text[INET6_ADDRSTRLEN] = "";

	if (address == NULL || inet_pton(AF_INET6, address, bytes) != 1) {
		(void)snprintf(ret, room, "%s", address != NULL ? address : "");
		return;
	}
	if (memcmp(bytes, mapped, sizeof(mapped)) == 0) {
		(void)inet_ntop(AF_INET, bytes + sizeof(mapped), text, sizeof(text));
		(void)snprintf(ret, room, "%s", text);
		return;
	}
	memset(bytes + 8, 0, 8);
	(void)inet_ntop(AF_INET6, bytes, text, sizeof(text));
	(void)snprintf(ret, room, "%s/64", text);
}
