/*
 * What the header of a safetensors file says (HUB-API 11.5): a length and as much JSON, read as
 * it comes and never held as a whole. Nothing of it is trusted: depth, lengths and products are
 * checked, and each tensor's place must have the size that its shape asks for.
 *
 * Pure: the bytes come through a window. Any thread.
 */
#ifndef DOWNLOADER_SAFETENSORS_H
#define DOWNLOADER_SAFETENSORS_H

#include "downloader/window.h"

enum {
	SAFETENSORS_HEADER_MAX = 25 * 1000 * 1000, /* as the official client */
	SAFETENSORS_DEPTH_MAX = 8,                 /* of the JSON; a good file has 3 */
	SAFETENSORS_DIMENSIONS_MAX = 64,
};

enum safetensors_type {
	SAFETENSORS_F64,
	SAFETENSORS_F32,
	SAFETENSORS_F16,
	SAFETENSORS_BF16,
	SAFETENSORS_F8_E5M2,
	SAFETENSORS_F8_E4M3,
	SAFETENSORS_F8_E8M0,
	SAFETENSORS_F8_E4M3FNUZ,
	SAFETENSORS_F8_E5M2FNUZ,
	SAFETENSORS_F6_E2M3,
	SAFETENSORS_F6_E3M2,
	SAFETENSORS_F4,
	SAFETENSORS_C64,
	SAFETENSORS_I64,
	SAFETENSORS_U64,
	SAFETENSORS_I32,
	SAFETENSORS_U32,
	SAFETENSORS_I16,
	SAFETENSORS_U16,
	SAFETENSORS_I8,
	SAFETENSORS_U8,
	SAFETENSORS_BOOL,
	SAFETENSORS_TYPE_COUNT,
};

struct safetensors {
	uint64_t n_tensors;
	uint64_t parameters;                      /* elements of all tensors */
	uint64_t of_type[SAFETENSORS_TYPE_COUNT]; /* the same, by type */
	uint64_t bytes_of_type[SAFETENSORS_TYPE_COUNT];
	uint64_t tensor_bytes;
	uint64_t size_needed; /* the file must have so many bytes to be whole */
};

/* Reads the header from a new window's beginning. -1 with ERR_INVALID and what is wrong with
 * it, or with the reason why it could not be read. */
int safetensors_read(struct window *window, struct safetensors *ret,
		     struct error *err) MUST_USE;

const char *safetensors_type_name(enum safetensors_type type);

/* What so many elements take. */
uint64_t safetensors_type_bytes(enum safetensors_type type, uint64_t elements);

/* The type that takes most bytes; SAFETENSORS_TYPE_COUNT when there is no tensor. */
enum safetensors_type safetensors_main_type(const struct safetensors *s);

#endif
