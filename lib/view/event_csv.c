/* SPDX-License-Identifier: Apache-2.0 */
/*
 * event_csv: see event_csv.h.
 */
#include "view/event_csv.h"

#include <string.h>

#include "base/clock.h"
#include "base/readable.h"
#include "base/str.h"

enum { FIELDS_MAX = 4 * 1024 * 1024 }; /* above any message of auditd's */

static const char head[] =
    "time,received,type,code,ok,user,backed,login,node_name,node,session,connection,remote_addr,message,"
    "producer_kind,producer,id,fields\r\n";

/* Whether a spreadsheet may take it for a formula, or skip what stands before one; also by the wide forms of the characters.
 * What is here is readable: of all blanks it has only the one. */
static bool
is_formula(const char *text)
{
	static const char *const begin[] = { "=", "+", "-", "@", "\xef\xbc\x9d", "\xef\xbc\x8b",
		"\xef\xbc\x8d", "\xef\xbc\xa0" };

	text += strspn(text, " \"");
	for (size_t i = 0; i < sizeof(begin) / sizeof(begin[0]); i++)
		if (str_starts(text, begin[i]))
			return true;
	return false;
}

/* Where lists are separated by another character than the comma (or by it, where a program splits before it looks at quotes),
 * a cell begins behind each of them. */
static void
put_content(struct buf *b, const char *text)
{
	bool begins = true;

	for (const char *c = text; *c; c++) {
		if (begins && is_formula(c))
			(void)buf_put(b, "'", 1);
		if (*c == '"')
			(void)buf_put(b, "\"", 1);
		(void)buf_put(b, c, 1);
		begins = *c == ',' || *c == ';';
	}
}

/* A separator goes before every cell but the first of a line. */
static void
put_cell(struct buf *b, const char *separator, const char *from)
{
	const char *text, *quote;
	struct buf shown;

	buf_init(&shown, READABLE_WIDEST * FIELDS_MAX);
	readable_whole(&shown, span_str(from));
	if (buf_put(&shown, "", 1)) {
		text = (const char *)buf_head(&shown);
		quote = is_formula(text) || strpbrk(text, "\",;") ? "\"" : "";
		(void)buf_printf(b, "%s%s", separator, quote);
		put_content(b, text);
		(void)buf_printf(b, "%s", quote);
	} else {
		b->failed = true;
	}
	buf_done(&shown);
}

/* "kind=shell; command=ls" */
static void
put_fields(struct buf *b, const Audit__Event *ev)
{
	struct buf text;

	buf_init(&text, FIELDS_MAX);
	for (size_t i = 0; i < ev->n_fields; i++)
		(void)buf_printf(&text, "%s%s=%s", i ? "; " : "", ev->fields[i]->key,
		    ev->fields[i]->value);
	if (buf_put(&text, "", 1))
		put_cell(b, ",", (const char *)buf_head(&text));
	else
		b->failed = true;
	buf_done(&text);
}

bool
event_csv_head(struct buf *b)
{
	return buf_put(b, head, sizeof(head) - 1);
}

bool
event_csv_row(struct buf *b, const Audit__FoundEvent *hit)
{
	const Audit__Event *ev = hit->event;
	char when[40], received[40];
	const char *const cells[] = { when, received, ev->type, ev->code, ev->ok ? "true" : "false",
		ev->user, hit->backed, ev->login, ev->node_name, ev->node, ev->session,
		ev->connection, ev->remote_addr, ev->message, hit->producer_kind, hit->producer,
		ev->id };

	clock_rfc3339(ev->time_us / 1000, when, sizeof(when));
	clock_rfc3339(hit->received_us / 1000, received, sizeof(received));
	for (size_t i = 0; i < sizeof(cells) / sizeof(cells[0]); i++)
		put_cell(b, i ? "," : "", cells[i]);
	put_fields(b, ev);
	return buf_put(b, "\r\n", 2);
}
