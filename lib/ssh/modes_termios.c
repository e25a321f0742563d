/* SPDX-License-Identifier: Apache-2.0 */
/*
 * modes_termios: encoded terminal modes (RFC 4254 section 8) to and from a termios. Called by whoever has a terminal:
 * tsh, and noded's monitor. Pure.
 */
#include <string.h>
#include <termios.h>
#include <unistd.h>

#include "ssh/modes_priv.h"
#include "ssh/session.h"

enum { CC_DISABLED = 255 };

enum field { CC, IFLAG, LFLAG, OFLAG, CFLAG };

static const struct mode {
	uint8_t op;
	uint8_t field;
	tcflag_t bit; /* flag, or index into c_cc */
} modes[] = {
	{ 1, CC, VINTR },
	{ 2, CC, VQUIT },
	{ 3, CC, VERASE },
	{ 4, CC, VKILL },
	{ 5, CC, VEOF },
	{ 6, CC, VEOL },
	{ 7, CC, VEOL2 },
	{ 8, CC, VSTART },
	{ 9, CC, VSTOP },
	{ 10, CC, VSUSP },
	{ 12, CC, VREPRINT },
	{ 13, CC, VWERASE },
	{ 14, CC, VLNEXT },
	{ 18, CC, VDISCARD },
	{ 30, IFLAG, IGNPAR },
	{ 31, IFLAG, PARMRK },
	{ 32, IFLAG, INPCK },
	{ 33, IFLAG, ISTRIP },
	{ 34, IFLAG, INLCR },
	{ 35, IFLAG, IGNCR },
	{ 36, IFLAG, ICRNL },
	{ 37, IFLAG, IUCLC },
	{ 38, IFLAG, IXON },
	{ 39, IFLAG, IXANY },
	{ 40, IFLAG, IXOFF },
	{ 41, IFLAG, IMAXBEL },
	{ 42, IFLAG, IUTF8 },
	{ 50, LFLAG, ISIG },
	{ 51, LFLAG, ICANON },
	{ 52, LFLAG, XCASE },
	{ 53, LFLAG, ECHO },
	{ 54, LFLAG, ECHOE },
	{ 55, LFLAG, ECHOK },
	{ 56, LFLAG, ECHONL },
	{ 57, LFLAG, NOFLSH },
	{ 58, LFLAG, TOSTOP },
	{ 59, LFLAG, IEXTEN },
	{ 60, LFLAG, ECHOCTL },
	{ 61, LFLAG, ECHOKE },
	{ 62, LFLAG, PENDIN },
	{ 70, OFLAG, OPOST },
	{ 71, OFLAG, OLCUC },
	{ 72, OFLAG, ONLCR },
	{ 73, OFLAG, OCRNL },
	{ 74, OFLAG, ONOCR },
	{ 75, OFLAG, ONLRET },
	{ 90, CFLAG, CS7 },
	{ 91, CFLAG, CS8 },
	{ 92, CFLAG, PARENB },
	{ 93, CFLAG, PARODD },
};

static const struct {
	uint32_t baud;
	speed_t speed;
} speeds[] = {
	{ 1200, B1200 },
	{ 2400, B2400 },
	{ 4800, B4800 },
	{ 9600, B9600 },
	{ 19200, B19200 },
	{ 38400, B38400 },
	{ 57600, B57600 },
	{ 115200, B115200 },
	{ 230400, B230400 },
};

static const struct mode *
find_mode(uint8_t op)
{
	for (size_t i = 0; i < sizeof(modes) / sizeof(modes[0]); i++)
		if (modes[i].op == op)
			return &modes[i];
	return NULL;
}

static tcflag_t *
flags_of(struct termios *tio, uint8_t field)
{
	switch (field) {
	case IFLAG:
		return &tio->c_iflag;
	case LFLAG:
		return &tio->c_lflag;
	case OFLAG:
		return &tio->c_oflag;
	default:
		return &tio->c_cflag;
	}
}

/* CS7 and CS8 are two values of one field: "off" of one says nothing. */
static void
apply_flag(struct termios *tio, const struct mode *m, bool on)
{
	tcflag_t *flags = flags_of(tio, m->field);

	if (m->field == CFLAG && (m->bit == CS7 || m->bit == CS8)) {
		if (on)
			*flags = (*flags & ~(tcflag_t)CSIZE) | m->bit;
	} else if (on) {
		*flags |= m->bit;
	} else {
		*flags &= ~m->bit;
	}
}

/* A number that is no speed here changes nothing. */
static void
apply_speed(struct termios *tio, uint8_t op, uint32_t baud)
{
	for (size_t i = 0; i < sizeof(speeds) / sizeof(speeds[0]); i++)
		if (speeds[i].baud == baud) {
			if (op == MODES_ISPEED)
				cfsetispeed(tio, speeds[i].speed);
			else
				cfsetospeed(tio, speeds[i].speed);
		}
}

void
ssh_modes_apply(struct termios *tio, struct span span)
{
	struct wire w = wire_from(span);
	uint32_t value;
	uint8_t op;

	while (modes_next(&w, &op, &value)) {
		const struct mode *m = find_mode(op);

		if (op == MODES_ISPEED || op == MODES_OSPEED)
			apply_speed(tio, op, value);
		else if (m && m->field == CC)
			tio->c_cc[m->bit] = value == CC_DISABLED ? _POSIX_VDISABLE : (cc_t)value;
		else if (m)
			apply_flag(tio, m, value != 0);
	}
}

static uint32_t
baud_of(speed_t speed)
{
	for (size_t i = 0; i < sizeof(speeds) / sizeof(speeds[0]); i++)
		if (speeds[i].speed == speed)
			return speeds[i].baud;
	return 38400;
}

static void
put_mode(struct buf *b, uint8_t op, uint32_t value)
{
	wire_put_u8(b, op);
	wire_put_u32(b, value);
}

void
ssh_modes_put(struct buf *b, const struct termios *tio)
{
	struct termios copy = *tio;

	put_mode(b, MODES_OSPEED, baud_of(cfgetospeed(tio)));
	put_mode(b, MODES_ISPEED, baud_of(cfgetispeed(tio)));
	for (size_t i = 0; i < sizeof(modes) / sizeof(modes[0]); i++) {
		const struct mode *m = &modes[i];
		tcflag_t flags;

		if (m->field == CC) {
			put_mode(b, m->op,
			    tio->c_cc[m->bit] == _POSIX_VDISABLE ? CC_DISABLED : tio->c_cc[m->bit]);
			continue;
		}
		flags = *flags_of(&copy, m->field);
		if (m->field == CFLAG && (m->bit == CS7 || m->bit == CS8))
			put_mode(b, m->op, (flags & CSIZE) == m->bit);
		else
			put_mode(b, m->op, (flags & m->bit) != 0);
	}
	wire_put_u8(b, MODES_END);
}
