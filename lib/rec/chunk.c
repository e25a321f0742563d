/* SPDX-License-Identifier: Apache-2.0 */
/*
 * chunk: see chunk.h. Called by noded's worker; its files are read again by the worker that comes after one that was
 * killed.
 */
#include "rec/chunk.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#define CHUNK_MAGIC UINT64_C(0x5350434855303032)

/* The numbers are this machine's: nobody else reads the file. */
struct content {
	uint64_t magic;
	uint64_t closing;
	uint32_t len, before_len;
	uint32_t ended;
	uint8_t before[SHOWN_BEFORE_MAX];
	uint8_t frames[CHUNK_MAX];
};

struct rec_chunk {
	struct content *content;
	struct shown shown; /* scratch of rec_chunk_closed */
};

/* A file of another kind, or one whose machine lost power, holds nothing. */
static bool
is_sound(const struct content *c)
{
	return c->magic == CHUNK_MAGIC && c->len <= CHUNK_MAX && c->before_len <= SHOWN_BEFORE_MAX;
}

int
rec_chunk_open(struct rec_chunk **ret, const char *path, struct err *e)
{
	int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	struct rec_chunk *c = calloc(1, sizeof(*c));
	void *map = MAP_FAILED;
	int cause = !c ? ENOMEM : fd < 0 ? errno : 0;

	/* All of it now: a disk that is full later would be a signal, not an error. */
	if (!cause)
		cause = posix_fallocate(fd, 0, sizeof(struct content));
	if (!cause) {
		map = mmap(NULL, sizeof(struct content), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
		cause = map == MAP_FAILED ? errno : 0;
	}
	if (fd >= 0)
		close(fd);
	if (cause) {
		free(c);
		errno = cause;
		return err_errno(e, "cannot make %s", path);
	}
	c->content = map;
	if (!is_sound(c->content)) {
		c->content->len = c->content->before_len = 0;
		c->content->closing = 0;
		c->content->ended = 0;
		c->content->magic = CHUNK_MAGIC;
	}
	*ret = c;
	return 0;
}

void
rec_chunk_free(struct rec_chunk *c)
{
	if (!c)
		return;
	munmap(c->content, sizeof(struct content));
	free(c);
}

struct span
rec_chunk_frames(const struct rec_chunk *c)
{
	return (struct span){ c->content->frames, c->content->len };
}

struct span
rec_chunk_before(const struct rec_chunk *c)
{
	return (struct span){ c->content->before, c->content->before_len };
}

bool
rec_chunk_add(struct rec_chunk *c, struct span frames)
{
	struct content *to = c->content;

	if (frames.n > CHUNK_MAX - to->len)
		return false;
	memcpy(to->frames + to->len, frames.p, frames.n);
	/* Who dies here has written bytes that nothing speaks of: the length says what counts. */
	__atomic_store_n(&to->len, to->len + (uint32_t)frames.n, __ATOMIC_RELEASE);
	return true;
}

void
rec_chunk_closing(struct rec_chunk *c, uint64_t seq)
{
	__atomic_store_n(&c->content->closing, seq, __ATOMIC_RELEASE);
}

uint64_t
rec_chunk_is_closing(const struct rec_chunk *c)
{
	return c->content->closing;
}

void
rec_chunk_closed(struct rec_chunk *c, struct span frames)
{
	struct content *to = c->content;
	struct frame f;
	struct buf before;

	shown_init(&c->shown);
	shown_record(&c->shown, rec_chunk_before(c), NULL);
	while (frame_next(&frames, &f) > 0) {
		shown_add(&c->shown, &f, NULL);
		if (f.type == FRAME_EXIT)
			to->ended = 1;
	}
	buf_init(&before, SHOWN_BEFORE_MAX);
	shown_before(&c->shown, &before);
	__atomic_store_n(&to->len, 0, __ATOMIC_RELEASE);
	__atomic_store_n(&to->closing, 0, __ATOMIC_RELEASE);
	/* Without memory the next chunk's text begins without what this one's was about. */
	to->before_len = buf_ok(&before) ? (uint32_t)before.len : 0;
	if (to->before_len)
		memcpy(to->before, buf_head(&before), before.len);
	buf_done(&before);
}

bool
rec_chunk_is_ended(const struct rec_chunk *c)
{
	return c->content->ended != 0;
}
