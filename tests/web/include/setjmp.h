/* SPDX-License-Identifier: Apache-2.0 */
/*
 * setjmp: WebAssembly has none, and tests do not jump (cmocka.h here).
 */
