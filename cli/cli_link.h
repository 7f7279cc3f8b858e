/*
 * larder link: the library in the layout of the official client's cache, so that transformers,
 * vLLM and whoever else asks that client find the models offline, without a byte stored twice
 * (HUB-API 8.1):
 *
 *   DIR/models--owner--name/blobs/<digest>              a hard link to the library's file;
 * where that does not go, a symbolic one /snapshots/<commit>/<path>   a symbolic link to the
 * blob /refs/<revision>             the commit
 *                          /.larder                     what of these we made, a path a line
 *
 * Only files that are proven are shown. What we made before and do not make any more is taken
 * away when all models are linked, so that no old version is kept alive by its link; what
 * others put into the cache is left alone.
 *
 * One thread.
 */
#ifndef CLI_CLI_LINK_H
#define CLI_CLI_LINK_H

#include "cli/cli_session.h"

enum cli_exit cli_link(const struct cli_session *session);

#endif
