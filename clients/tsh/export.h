/* SPDX-License-Identifier: Apache-2.0 */
/*
 * export: a recording in other forms. The stored form is exact bytes; these are for people and programs.
 */
#ifndef TSH_EXPORT_H
#define TSH_EXPORT_H

#include <stdint.h>
#include <stdio.h>

#include "base/buf.h"
#include "base/err.h"

/* What was on the screen as plain text: escape sequences and carriage returns left out. */
int export_text(struct span frames, FILE *f, struct err *e);
/* A JSON array of {time, type, data}. */
int export_json(struct span frames, FILE *f, struct err *e);
/* asciicast v2; cols and rows of the start (0: 80x24), begun in seconds since 1970 UTC. */
int export_asciicast(struct span frames, uint32_t cols, uint32_t rows, int64_t begun_s, FILE *f,
    struct err *e);

#endif
