/* SPDX-License-Identifier: Apache-2.0 */
/*
 * file: whole files, at once.
 */
#ifndef BASE_FILE_H
#define BASE_FILE_H

#include <stdbool.h>
#include <sys/types.h>

#include "base/buf.h"
#include "base/err.h"

/* Reads a whole file of at most max bytes; the content is NUL-terminated beyond its length.
 * Caller frees *ret. Not regular, larger or unreadable: negative. */
int file_read(const char *path, size_t max, char **ret, size_t *ret_len, struct err *e);
/* Writes to a temporary file in the same folder, fsyncs, renames: readers see the old or the new content. */
int file_write(const char *path, mode_t mode, const void *p, size_t n, struct err *e);
/* The same for a file that is not there yet; negative when there is something of that name, also since a moment ago. */
int file_write_new(const char *path, mode_t mode, const void *p, size_t n, struct err *e);
/* rename(2) that fails with EEXIST when there is something of the new name; also on NFS and the like. 0 or -1 with errno. */
int file_rename_new(const char *from, const char *to);
/* Takes a file away from all but its owner, whatever becomes of its name meanwhile: 1: they could read or write it until
 * now; 0: they could not. Negative with the cause: no regular file (a link is none), or one with several names. */
int file_close_to_others(const char *path, struct err *e);
/* Makes what happened to the name of a file last: to be called after a rename. 0 or -1 with errno. */
int file_sync_folder(const char *path);
/* Creates the folder and its parents (parents 0755). */
int file_mkdir(const char *path, mode_t mode, struct err *e);
/* A secret in a file: as file_read, and refuses files that others than the owner can read (or, of a credential of the service
 * manager, than the service). Trailing newline cut. */
int file_read_secret(const char *path, size_t max, char **ret, struct err *e);
/* write(2) until all is out; 0 or -1 with errno. */
int file_write_all(int fd, const void *p, size_t n);
int file_set_cloexec(int fd);
int file_set_nonblock(int fd);
/* Two descriptors of one pipe, socket, terminal or file. */
bool file_is_same(int a, int b);

#endif
