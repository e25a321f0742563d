/* SPDX-License-Identifier: Apache-2.0 */
/*
 * asset: see asset.h. The assembler reads the files, by their path from the top of the tree;
 * tools/build.mk knows that this file depends on them.
 */
#include "proxy/asset.h"

#define ASSET(name, file)                                                                      \
	__asm__(".pushsection .rodata\n.global " #name "_begin\n.global " #name "_end\n" #name \
		"_begin:\n.incbin \"" file "\"\n" #name "_end:\n.byte 0\n.popsection")

ASSET(asset_index_html, "web/index.html");
ASSET(asset_install_sh, "web/install.sh");
ASSET(asset_invite_html, "web/invite.html");
ASSET(asset_invite_mjs, "web/invite.mjs");
ASSET(asset_notice_html, "web/notice.html");
ASSET(asset_securitykey_mjs, "web/app/securitykey.mjs");
ASSET(asset_style_css, "web/style.css");
