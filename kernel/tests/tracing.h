/* SPDX-License-Identifier: GPL-2.0-only */
/* Traces the module's events, and reads the trace. */
#ifndef TRACING_H
#define TRACING_H

#include "client.h"

#define TRACING	"/sys/kernel/tracing/"

AFTER_EACH_CASE(stop_tracing)
{
	int fd = open(TRACING "events/ashmem/enable", O_WRONLY | O_CLOEXEC);

	if (fd >= 0 && write(fd, "0", 1) < 0)
		perror(TRACING "events/ashmem/enable");
	close(fd);
}

/*
 * Begins a trace of one event of the module, or of all its events if @event is NULL.
 * Without record-cmd, because to record commands the kernel patches the scheduler,
 * which runs all the time: an emulated processor may execute a half-patched
 * instruction.
 */
static inline void start_tracing(const char *event)
{
	char path[128];

	snprintf(path, sizeof(path), TRACING "events/ashmem/%s%s%senable",
		 event ? "ashmem_" : "", event ? event : "", event ? "/" : "");
	/* Empties the trace. */
	close(CHECK_OK(open(TRACING "trace", O_WRONLY | O_TRUNC | O_CLOEXEC)));
	write_file(TRACING "options/record-cmd", "0");
	write_file(path, "1");
}

/*
 * Return: the fields of the next @event in the open trace, until the next call; NULL
 * after the last one.
 */
static inline const char *next_traced(FILE *trace, const char *event)
{
	static char line[2048];
	char name[64], *fields;

	snprintf(name, sizeof(name), ": ashmem_%s: ", event);
	while (fgets(line, sizeof(line), trace)) {
		fields = strstr(line, name);
		if (fields)
			return fields + strlen(name);
	}
	return NULL;
}

static inline FILE *open_trace(void)
{
	FILE *trace = fopen(TRACING "trace", "re");

	if (!trace)
		FAIL("open " TRACING "trace: %s", errno_name(errno));
	return trace;
}

/* Return: the fields of the first traced @event that contains @text, or NULL. */
static inline const char *traced(const char *event, const char *text)
{
	FILE *trace = open_trace();
	const char *fields;

	do {
		fields = next_traced(trace, event);
	} while (fields && !strstr(fields, text));
	fclose(trace);
	return fields;
}

/* Return: the number after " @key=" in the fields of an event. */
static inline uint64_t traced_number(const char *fields, const char *key)
{
	const char *value;
	char start[64];

	snprintf(start, sizeof(start), " %s=", key);
	value = strstr(fields, start);
	if (!value)
		FAIL("an event has no %s: %s", key, fields);
	return strtoull(value + strlen(start), NULL, 10);
}

#endif /* TRACING_H */
