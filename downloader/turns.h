/*
 * One content, one transfer: of all files under way that are to hold the same, one at a time
 * has its turn to bring it. The others wait. When a turn is over, however it ended, the next in
 * line has it: it finds the content in the library by then, or fetches it itself.
 *
 * Nobody who has a turn waits for another's, so that no two can wait for each other. Those that
 * wait hold a place among the files that their job works on together; but for each of them
 * there is another under way, so that the line is not idle for it.
 *
 * Belongs to the loop's thread.
 */
#ifndef DOWNLOADER_TURNS_H
#define DOWNLOADER_TURNS_H

#include "downloader/loop.h"
#include "downloader/plan.h"

struct turns;
struct turn;

struct turns *turns_new(struct loop *loop);
void turns_free(struct turns **turns); /* when all have left */

/* Stands in line for what `file` is to hold (its algorithm, digest and size count; borrowed
 * until it leaves). `fn` is called once, never before this returns, when it has its turn. */
struct turn *turns_ask(struct turns *turns, const struct plan_file *file, void (*fn)(void *ctx),
		       void *ctx);

/* Has another the turn that this one waits for? */
bool turn_has_to_wait(const struct turn *turn);

/* Ends the turn, or the waiting: then `fn` is not called any more. NULL is fine. */
void turn_leave(struct turn **turn);

#endif
