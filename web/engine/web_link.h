/* SPDX-License-Identifier: Apache-2.0 */
/*
 * web_link: what the other files of the engine's owner see of a link (web_link.c). The rest of it is called by engine.mjs.
 */
#ifndef ENGINE_WEB_LINK_H
#define ENGINE_WEB_LINK_H

#include "engine/web_page.h"

struct ssh *web_link_ssh(const struct web_link *link);

#endif
