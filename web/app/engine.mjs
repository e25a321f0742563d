// SPDX-License-Identifier: Apache-2.0
/*
 * engine: where the SSH engine is (web/engine).
 */
export { Ssh } from '../engine/client.mjs';
export const WORKER = new URL('../engine/worker.mjs', import.meta.url).href;
export const ENGINE = new URL('../engine/engine.wasm', import.meta.url).href;
