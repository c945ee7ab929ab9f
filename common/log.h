/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Logging of the daemons: one line an event, to stderr, where systemd's
 * journal or a log file takes it. When stderr is the journal, each line
 * carries its syslog priority ("<3>", sd-daemon(3)); otherwise a timestamp.
 *
 * A line about a guest names domain, device and cause, in that order, with
 * log_vib() forming the prefix "dom 3 vib 0: ".
 */
#ifndef XEN_IB_COMMON_LOG_H
#define XEN_IB_COMMON_LOG_H

enum log_level {
	LOG_LEVEL_ERR = 3, /* the values of syslog(3) */
	LOG_LEVEL_WARN = 4,
	LOG_LEVEL_INFO = 6,
	LOG_LEVEL_DEBUG = 7,
};

/* Start logging as @program (kept, not copied); lines above @level are dropped. */
void log_open(const char *program, enum log_level level);

/* Write one line. @fmt needs no newline; a control character is shown as "?". */
void log_line(enum log_level level, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));

#define log_err(...)   log_line(LOG_LEVEL_ERR, __VA_ARGS__)
#define log_warn(...)  log_line(LOG_LEVEL_WARN, __VA_ARGS__)
#define log_info(...)  log_line(LOG_LEVEL_INFO, __VA_ARGS__)
#define log_debug(...) log_line(LOG_LEVEL_DEBUG, __VA_ARGS__)

#define log_vib(level, domid, index, fmt, ...) \
	log_vib_of(level, "", domid, index, fmt, ##__VA_ARGS__)

/* The same, with @label in front: of which Xen the domain is. */
#define log_vib_of(level, label, domid, index, fmt, ...)                       \
	log_line(level, "%sdom %u vib %u: " fmt, label, (unsigned int)(domid), \
		 (unsigned int)(index), ##__VA_ARGS__)

#endif
