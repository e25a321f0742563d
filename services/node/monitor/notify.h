/* SPDX-License-Identifier: Apache-2.0 */
/*
 * notify: sd_notify(3) in its simplest form. The monitor is the main process of the unit, and must
 * not carry libsystemd.
 */
#ifndef NODE_MONITOR_NOTIFY_H
#define NODE_MONITOR_NOTIFY_H

void notify_ready(void);
void notify_stopping(void);

#endif
