#include "common/log_repeat.h"

#include <string.h>

/* FNV-1a. */
uint64_t log_repeat_key(struct str text)
{
	uint64_t hash = UINT64_C(0xcbf29ce484222325);

	for (size_t i = 0; i < text.n; i++)
		hash = (hash ^ (unsigned char)text.p[i]) * UINT64_C(0x100000001b3);
	return hash == 0 ? 1 : hash;
}

static bool is_over(const struct log_repeat_slot *slot, uint64_t now_ms)
{
	return now_ms - slot->began_ms >= LOG_REPEAT_MS;
}

/* The key's slot, or else a free one, or the one whose loss tells least: the oldest of those
 * that hold nothing back, or of all. */
static struct log_repeat_slot *find_slot(struct log_repeat *repeat, uint64_t key)
{
	struct log_repeat_slot *found = &repeat->slots[0];

	for (size_t i = 0; i < LOG_REPEAT_SLOTS; i++) {
		struct log_repeat_slot *slot = &repeat->slots[i];
		bool is_idler = slot->n_held == 0 && found->n_held > 0;
		bool is_as_idle = (slot->n_held == 0) == (found->n_held == 0);

		if (slot->key == key)
			return slot;
		if (is_idler || (is_as_idle && slot->began_ms < found->began_ms))
			found = slot;
	}
	return found;
}

bool log_repeat_may(struct log_repeat *repeat, uint64_t key, unsigned max, struct str text,
		    uint64_t now_ms)
{
	struct log_repeat_slot *slot = find_slot(repeat, key);
	struct str cut = str_sub(text, 0, sizeof(slot->text) - 1);

	if (slot->key != key || is_over(slot, now_ms))
		*slot = (struct log_repeat_slot){ .key = key, .began_ms = now_ms };
	slot->n++;
	if (slot->n <= max)
		return true;
	if (slot->n_held == 0 && cut.n > 0)
		memcpy(slot->text, cut.p, cut.n);
	slot->n_held++;
	return false;
}

unsigned log_repeat_take(struct log_repeat *repeat, uint64_t now_ms,
			 char ret_text[LOG_REPEAT_TEXT_MAX])
{
	for (size_t i = 0; i < LOG_REPEAT_SLOTS; i++) {
		struct log_repeat_slot *slot = &repeat->slots[i];
		unsigned n = slot->n_held;

		if (n == 0 || !is_over(slot, now_ms))
			continue;
		memcpy(ret_text, slot->text, sizeof(slot->text));
		*slot = (struct log_repeat_slot){ .key = 0 };
		return n;
	}
	return 0;
}
