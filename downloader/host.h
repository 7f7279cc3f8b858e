/*
 * What this machine has to run models on: its memory, and its graphics cards with theirs, as
 * the kernel tells it (/sys/class/drm: AMD's driver and Intel's do, NVIDIA's does not), or as
 * they were declared. Limits of larderd's own service do not count: it is not what runs models.
 *
 * Looks once, before larderd is shut in: cards are not plugged in as one goes. Any thread.
 */
#ifndef DOWNLOADER_HOST_H
#define DOWNLOADER_HOST_H

#include "downloader/fit.h"

/* `declared` has bytes of each card with commas between (LARDER_GPU_MEMORY as config.h has it);
 * "" means what the kernel tells. `drm` is "/sys/class/drm", or a test's folder. */
void host_look(const char *declared, const char *drm, struct fit_host *ret);

#endif
