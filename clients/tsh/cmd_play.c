/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tsh play: replays a recorded session, or prints it for people and programs.
 */
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "cli/out.h"
#include "proto/audit.sync.h"
#include "tsh/export.h"
#include "tsh/follow.h"
#include "tsh/player.h"
#include "tsh/tsh.h"

static struct {
	const char *format, *speed;
	bool skip_idle, follow;
} opt = { .format = "pty", .speed = "1x" };

const struct cli_option cmd_play_options[] = {
	{ 'f', "format", "pty|text|json|asciicast",
	    "in the terminal, as plain text, as JSON events, as asciicast v2", CLI_CHOICE,
	    &opt.format },
	{ 0, "speed", "0.5x|1x|2x|4x|8x", "faster or slower", CLI_CHOICE, &opt.speed },
	{ 0, "follow", NULL, "one that runs: what was shown at once, then what comes, until its end",
	    CLI_FLAG, &opt.follow },
	{ 0, "skip-idle-time", NULL, "cut pauses", CLI_FLAG, &opt.skip_idle },
	{ 0 },
};

/* A recording may be larger than memory should be: it is kept in an unlinked file and mapped. */
struct download {
	FILE *file;
	Audit__Recording *recording; /* of the first part */
	bool failed;
	unsigned tampered; /* parts that are not what was recorded */
};

/* False ends the stream: there is no more room for it. */
static bool
on_part(const Audit__PlayPart *part, void *arg)
{
	struct download *d = arg;

	/* A copy by way of its bytes: the message is the call's, and gone when this returns. */
	if (part->recording && !d->recording) {
		size_t n = protobuf_c_message_get_packed_size(&part->recording->base);
		uint8_t *copy = malloc(n + 1);

		if (copy) {
			protobuf_c_message_pack(&part->recording->base, copy);
			d->recording = (Audit__Recording *)
			    protobuf_c_message_unpack(&audit__recording__descriptor, NULL, n, copy);
		}
		free(copy);
	}
	d->tampered += part->tampered;
	if (part->frames.len > 0 && fwrite(part->frames.data, part->frames.len, 1, d->file) != 1)
		d->failed = true;
	return !d->failed;
}

static int
show(const struct download *d, struct span frames, struct err *e)
{
	/* "2x": strtod stops at the x. */
	struct player_config config = { .speed = strtod(opt.speed, NULL),
		.skip_idle = opt.skip_idle,
		.rows = d->recording ? d->recording->rows : 0,
		.cols = d->recording ? d->recording->cols : 0 };
	const Audit__Recording *r = d->recording;

	if (strcmp(opt.format, "json") == 0)
		return export_json(frames, stdout, e);
	if (strcmp(opt.format, "text") == 0)
		return export_text(frames, stdout, e);
	if (strcmp(opt.format, "asciicast") == 0)
		return export_asciicast(frames, r ? r->cols : 0, r ? r->rows : 0,
		    r ? r->started_us / 1000000 : 0, stdout, e);
	return player_run(frames, &config, e);
}

/* Only now, when all of it is here: players jump to and fro. */
static int
play(struct download *d, struct err *e)
{
	long n = fflush(d->file) == 0 ? ftell(d->file) : -1;
	void *map;
	int rc;

	if (n < 0 || d->failed)
		return err_errno(e, "cannot keep the recording in a temporary file");
	if (n == 0)
		return err_set(e, "nothing was recorded in that session");
	map = mmap(NULL, (size_t)n, PROT_READ, MAP_PRIVATE, fileno(d->file), 0);
	if (map == MAP_FAILED)
		return err_errno(e, "cannot map the recording");
	rc = show(d, (struct span){ map, (size_t)n }, e);
	munmap(map, (size_t)n);
	return rc;
}

static int
replay(int argc, char **argv)
{
	Audit__PlayRequest q = AUDIT__PLAY_REQUEST__INIT;
	struct download d = { .file = tmpfile() };
	struct profile *p = tsh_profile();
	struct client *c = NULL;
	struct err e;
	int rc = 0;

	(void)argc;
	if (!p || !d.file)
		return p ? cli_fail("cannot create a temporary file") : 1;
	q.session = argv[0];
	if (client_open(&c, p, &e) < 0 || audit_sync_play(c, &q, on_part, &d, &e) < 0)
		rc = tsh_call_failed(p, c, &e);
	else if (play(&d, &e) < 0)
		rc = cli_fail_err(&e);
	else if (d.tampered)
		rc = cli_fail(
		    "%u parts of this recording were changed in the database and are not what was recorded; they are marked",
		    d.tampered);
	client_free_reply(d.recording);
	fclose(d.file);
	client_free(c);
	profile_free(p);
	return rc;
}

/* Nothing of it is kept, so that nothing has to be whole. */
static int
watch(const char *session)
{
	struct profile *p = tsh_profile();
	struct client *c = NULL;
	struct err e;
	int rc = 0;

	if (!p)
		return 1;
	if (client_open(&c, p, &e) < 0)
		rc = tsh_call_failed(p, c, &e);
	else if (follow_run(c, session, &e) < 0)
		rc = cli_fail_err(&e);
	client_free(c);
	profile_free(p);
	return rc;
}

int
cmd_play(int argc, char **argv)
{
	if (opt.follow)
		return strcmp(opt.format, "pty") == 0
		    ? watch(argv[0])
		    : cli_fail("--follow shows a session in the terminal: give no --format with it");
	return replay(argc, argv);
}
