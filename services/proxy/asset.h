/* SPDX-License-Identifier: Apache-2.0 */
/*
 * asset: the files of web/, inside the program.
 */
#ifndef PROXY_ASSET_H
#define PROXY_ASSET_H

#include "base/buf.h"

#define asset_index_html      asset_span(asset_index_html_begin, asset_index_html_end)
#define asset_install_sh      asset_span(asset_install_sh_begin, asset_install_sh_end)
#define asset_invite_html     asset_span(asset_invite_html_begin, asset_invite_html_end)
#define asset_invite_mjs      asset_span(asset_invite_mjs_begin, asset_invite_mjs_end)
#define asset_notice_html     asset_span(asset_notice_html_begin, asset_notice_html_end)
#define asset_securitykey_mjs asset_span(asset_securitykey_mjs_begin, asset_securitykey_mjs_end)
#define asset_style_css       asset_span(asset_style_css_begin, asset_style_css_end)

extern const uint8_t asset_index_html_begin[], asset_index_html_end[];
extern const uint8_t asset_install_sh_begin[], asset_install_sh_end[];
extern const uint8_t asset_invite_html_begin[], asset_invite_html_end[];
extern const uint8_t asset_invite_mjs_begin[], asset_invite_mjs_end[];
extern const uint8_t asset_notice_html_begin[], asset_notice_html_end[];
extern const uint8_t asset_securitykey_mjs_begin[], asset_securitykey_mjs_end[];
extern const uint8_t asset_style_css_begin[], asset_style_css_end[];

static inline struct span
asset_span(const uint8_t *begin, const uint8_t *end)
{
	return (struct span){ begin, (size_t)(end - begin) };
}

#endif
