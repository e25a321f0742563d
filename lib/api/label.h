/* SPDX-License-Identifier: Apache-2.0 */
/*
 * label: a name and a value, as nodes carry them and messages bring them.
 */
#ifndef API_LABEL_H
#define API_LABEL_H

struct api_label {
	const char *key;
	const char *value;
};

#endif
