#include "downloader/size_text.h"

char *size_text(uint64_t bytes)
{
	static const char *const units[] = { "kB", "MB", "GB", "TB" };
	double size = (double)bytes / 1000;
	size_t i = 0;

	if (bytes < 1000)
		return mem_printf("%llu B", (unsigned long long)bytes);
	while (size >= 999.95 && i + 1 < ARRAY_LEN(units)) {
		size /= 1000;
		i++;
	}
	return mem_printf("%.1f %s", size, units[i]);
}
