#include "downloader/pool.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>

#include "common/error.h"

struct pool {
	struct loop *loop;
	pthread_mutex_t lock; /* guards the list and is_stopping */
	pthread_cond_t work;
	struct loop_message *first;
	struct loop_message **last;
	bool is_stopping;
	size_t n_threads;
	pthread_t *threads;
};

static void finish(struct loop_message *message)
{
	struct pool_task *task = (struct pool_task *)message;

	task->done(task);
}

/* The next task, or NULL when the pool stops and nothing is left. */
static struct pool_task *take(struct pool *pool)
{
	struct loop_message *message;

	(void)pthread_mutex_lock(&pool->lock);
	while (pool->first == NULL && !pool->is_stopping)
		(void)pthread_cond_wait(&pool->work, &pool->lock);
	message = pool->first;
	if (message != NULL) {
		pool->first = message->next;
		if (pool->first == NULL)
			pool->last = &pool->first;
	}
	(void)pthread_mutex_unlock(&pool->lock);
	return (struct pool_task *)message;
}

static void run_task(struct pool *pool, struct pool_task *task)
{
	task->run(task);
	task->message.fn = finish;
	loop_post(pool->loop, &task->message);
}

static void *work(void *arg)
{
	struct pool *pool = arg;
	struct pool_task *task;

	while ((task = take(pool)) != NULL)
		run_task(pool, task);
	return NULL;
}

struct pool *pool_new(struct loop *loop, size_t n_threads, struct error *err)
{
	AUTO(pool) pool = mem_alloc(sizeof(*pool));

	pool->loop = loop;
	(void)pthread_mutex_init(&pool->lock, NULL);
	(void)pthread_cond_init(&pool->work, NULL);
	pool->last = &pool->first;
	pool->threads = mem_array(n_threads, sizeof(*pool->threads));
	for (size_t i = 0; i < n_threads; i++) {
		errno = pthread_create(&pool->threads[i], NULL, work, pool);
		if (errno != 0) {
			(void)error_set_errno(err, ERR_INTERNAL, "a file worker");
			return NULL;
		}
		pool->n_threads++;
	}
	return MOVE(pool);
}

void pool_stop(struct pool *pool)
{
	(void)pthread_mutex_lock(&pool->lock);
	pool->is_stopping = true;
	(void)pthread_cond_broadcast(&pool->work);
	(void)pthread_mutex_unlock(&pool->lock);
	for (size_t i = 0; i < pool->n_threads; i++)
		(void)pthread_join(pool->threads[i], NULL);
	pool->n_threads = 0;
}

void pool_free(struct pool **pool)
{
	struct pool *p = *pool;

	if (p == NULL)
		return;
	pool_stop(p);
	(void)pthread_cond_destroy(&p->work);
	(void)pthread_mutex_destroy(&p->lock);
	free(p->threads);
	free(p);
	*pool = NULL;
}

void pool_submit(struct pool *pool, struct pool_task *task)
{
	task->message.next = NULL;
	if (pool->n_threads == 0) {
		run_task(pool, task);
		return;
	}
	(void)pthread_mutex_lock(&pool->lock);
	*pool->last = &task->message;
	pool->last = &task->message.next;
	(void)pthread_cond_signal(&pool->work);
	(void)pthread_mutex_unlock(&pool->lock);
}
