// SPDX-License-Identifier: Apache-2.0
/*
 * paste: what a clipboard may say to a program on a node.
 *
 * Security: a clipboard may be filled by any page. A program that asked for brackets around what is pasted (so that a shell shows
 * it and runs nothing) believes the first closing bracket that comes, and xterm.js leaves one in the text as it is.
 */

/* Text alone: of the control characters tab and the ends of lines, neither ESC nor its one-character kin (C1). */
export const pasted = (text) => text.replace(/[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f]/g, '');
