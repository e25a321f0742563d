/* SPDX-License-Identifier: Apache-2.0 */
/*
 * idle: a terminal in which nobody types for as long as the roles allow (client_idle_timeout) ends; a minute before, it says so.
 * What the program prints is no sign of anybody. Called by session.c and session_start.c.
 */
#ifndef NODE_IDLE_H
#define NODE_IDLE_H

#include <stdbool.h>
#include <stdint.h>

struct session;

enum idle_act { IDLE_WAIT, IDLE_WARN, IDLE_END };

/* What is to be done about a terminal in which nobody typed for quiet_ms, and in *ret_wait_ms when to look again (> 0). limit_ms
 * 0: nothing, ever; but roles change. Pure. */
enum idle_act idle_judge(int64_t limit_ms, int64_t quiet_ms, bool warned, int64_t *ret_wait_ms);

/* The process runs. Nothing happens without a terminal. */
void idle_begin(struct session *s);
/* The client has sent something. */
void idle_heard(struct session *s);
/* The timer's. */
void idle_on_timer(void *arg);

#endif
