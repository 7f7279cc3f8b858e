#include "downloader/host.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static uint64_t memory_of_host(void)
{
	long pages = sysconf(_SC_PHYS_PAGES);
	long size = sysconf(_SC_PAGESIZE);

	return pages > 0 && size > 0 ? (uint64_t)pages * (uint64_t)size : 0;
}

static void add_gpu(struct fit_host *host, uint64_t bytes)
{
	if (bytes > 0 && host->n_gpus < FIT_GPUS_MAX)
		host->gpus[host->n_gpus++] = bytes;
}

/* The number in a file of the kernel's; 0 when there is none. */
static uint64_t read_number(const char *folder, const char *name, const char *file)
{
	AUTO_CSTR path = mem_printf("%s/%s/%s", folder, name, file);
	AUTO_FD fd = open(path, O_RDONLY | O_CLOEXEC);
	char text[32];
	ssize_t n = fd < 0 ? -1 : read(fd, text, sizeof(text));
	uint64_t number;

	if (n <= 0 || str_to_u64(str_trim((struct str){ .p = text, .n = (size_t)n }), 0,
				 UINT64_MAX, &number) < 0)
		return 0;
	return number;
}

/* "card0", not "card0-HDMI-A-1", which is an outlet of it. */
static bool is_card(const char *name)
{
	return strncmp(name, "card", 4) == 0 && name[4] != '\0' &&
	       name[4 + strspn(name + 4, "0123456789")] == '\0';
}

static void look_at_cards(const char *drm, struct fit_host *host)
{
	/* amdgpu; i915; xe */
	static const char *const files[] = { "device/mem_info_vram_total", "lmem_total_bytes",
					     "device/tile0/physical_vram_size_bytes" };
	DIR *dir = opendir(drm);
	const struct dirent *entry;

	while (dir != NULL && (entry = readdir(dir)) != NULL) {
		uint64_t bytes = 0;

		for (size_t i = 0; is_card(entry->d_name) && bytes == 0 && i < ARRAY_LEN(files);
		     i++)
			bytes = read_number(drm, entry->d_name, files[i]);
		add_gpu(host, bytes);
	}
	if (dir != NULL)
		(void)closedir(dir);
}

void host_look(const char *declared, const char *drm, struct fit_host *ret)
{
	struct str rest = str_from(declared);
	struct str part;

	*ret = (struct fit_host){ .memory = memory_of_host() };
	if (rest.n == 0)
		look_at_cards(drm, ret);
	while (str_next(&rest, ',', &part)) {
		uint64_t bytes;

		if (str_to_u64(part, 0, UINT64_MAX, &bytes) == 0)
			add_gpu(ret, bytes);
	}
}
