/* SPDX-License-Identifier: Apache-2.0 */
/*
 * out_priv: what the files behind out.h share.
 */
#ifndef CLI_OUT_PRIV_H
#define CLI_OUT_PRIV_H

#include "cli/out.h"

/* Columns of the character at s and its length in bytes; a byte that is no UTF-8 is one column. */
int cli_char_width(const char *s, int *ret_bytes);

#endif
