/* SPDX-License-Identifier: MIT */
/* metric.c - the table of built-in metrics, and how figures are written for people. */
#include "plan/metric.h"

#include "core/param.h"

#include <assert.h>
#include <math.h>
#include <stdbool.h>
#include <stdio.h>

#define METRIC(index_, name_, unit_, better_, over_, help_)                                        \
    [METRIC_##index_] = {.name = (name_),                                                          \
                         .unit = METRIC_##unit_,                                                   \
                         .better = METRIC_##better_,                                               \
                         .over = METRIC_OVER_##over_,                                              \
                         .help = (help_)}

const struct metric metric_builtin[METRIC_BUILTIN_COUNT + 1] = {
    METRIC(QPS, "qps", RATE, MORE, CLOSED, "replies received while the phase lasted, good or not"),
    METRIC(GOODPUT, "goodput", RATE, MORE, CLOSED, "good replies received while the phase lasted"),
    METRIC(REQUESTS, "requests", COUNT, NEITHER, SUM, "requests that were answered or failed"),
    METRIC(ERRORS, "errors", SHARE, LESS, SHARE, "share of the requests that failed"),
    METRIC(ERROR_COUNT, "error_count", COUNT, LESS, SUM, "requests that failed, of every kind"),
    METRIC(CONTAMINATED, "contaminated", COUNT, LESS, SUM,
           "replies whose token is missing or another request's"),
    METRIC(SHEDS, "sheds", COUNT, LESS, SUM, "arrivals dropped because too many were in flight"),
    METRIC(P50, "p50", NS, LESS, OPEN, "median latency"),
    METRIC(P90, "p90", NS, LESS, OPEN, "latency that 90 % of the requests stay within"),
    METRIC(P95, "p95", NS, LESS, OPEN, "latency that 95 % of the requests stay within"),
    METRIC(P99, "p99", NS, LESS, OPEN, "latency that 99 % of the requests stay within"),
    METRIC(P999, "p999", NS, LESS, OPEN, "latency that 99.9 % of the requests stay within"),
    METRIC(MAX, "max", NS, LESS, OPEN, "largest latency"),
    METRIC(MEAN, "mean", NS, LESS, OPEN, "mean latency"),
    METRIC(LATENESS_P50, "lateness_p50", NS, LESS, OPEN,
           "how late the generator itself sent, median"),
    METRIC(LATENESS_P99, "lateness_p99", NS, LESS, OPEN,
           "how late the generator itself sent, 99th percentile"),
    METRIC(CONNECT_P50, "connect_p50", NS, LESS, OPEN, "time to connect, median"),
    METRIC(CONNECT_P99, "connect_p99", NS, LESS, OPEN, "time to connect, 99th percentile"),
    METRIC(CPU_PER_REQUEST, "cpu_per_request", NS, LESS, CLOSED,
           "processor time the subject spends on a request"),
    METRIC(SUBJECT_CPU, "subject_cpu", SHARE, NEITHER, CLOSED,
           "processor time of the subject over elapsed time; 100 % is one processor"),
    METRIC(FAULTS_PER_REQUEST, "faults_per_request", NUMBER, LESS, CLOSED,
           "page faults of the subject per request"),
    METRIC(RSS_PEAK, "rss_peak", BYTES, LESS, MAX, "largest resident memory of the subject"),
    METRIC(RSS_END, "rss_end", BYTES, LESS, LAST, "resident memory of the subject at the end"),
    METRIC(DATABASE_CPU_PER_REQUEST, "database_cpu_per_request", NS, LESS, CLOSED,
           "processor time a throw-away database spends on a request"),
    METRIC(DATABASE_CPU, "database_cpu", SHARE, NEITHER, CLOSED,
           "processor time of a throw-away database over elapsed time; 100 % is one processor"),
    METRIC(KNEE, "knee", RATE, MORE, MAX, "highest rate that met the objective of a search"),
    METRIC(LEDGER_ACKNOWLEDGED, "ledger_acknowledged", COUNT, NEITHER, SUM,
           "writes that were acknowledged"),
    METRIC(LEDGER_STORED, "ledger_stored", COUNT, NEITHER, SUM,
           "writes that were found stored after the round"),
    METRIC(LEDGER_LOST, "ledger_lost", COUNT, LESS, SUM,
           "writes that were acknowledged and are not stored"),
    METRIC(LEDGER_DOUBLED, "ledger_doubled", COUNT, LESS, SUM, "writes stored more than once"),
    METRIC(LEDGER_UNKNOWN, "ledger_unknown", COUNT, LESS, SUM,
           "writes of which the client never learned what became of them"),
    METRIC(LEDGER_REFUSED, "ledger_refused", COUNT, LESS, SUM,
           "writes that the client was told are not stored"),
    METRIC(LEDGER_GHOSTS, "ledger_ghosts", COUNT, LESS, SUM,
           "of the refused writes, those that are stored all the same"),
    METRIC(TIME_PER_OP, "time_per_op", NS, LESS, CLOSED,
           "of a micro-benchmark: wall time of one operation, as its thread sees it"),
    METRIC(CPU_PER_OP, "cpu_per_op", NS, LESS, CLOSED,
           "of a micro-benchmark: processor time of one operation"),
    METRIC(OPS, "ops", RATE, MORE, CLOSED,
           "of a micro-benchmark: operations of all its threads together"),
    METRIC(ITERATIONS, "iterations", COUNT, NEITHER, SUM,
           "of a micro-benchmark: operations that were timed, of all its threads"),
    METRIC(CPU_WAITED, "cpu_waited", SHARE, LESS, CLOSED,
           "of a micro-benchmark: share of the time its threads were ready to run and had no "
           "processor"),
};

const char *metric_unit_name(enum metric_unit unit)
{
    static const char *const names[] = {
        [METRIC_NUMBER] = "a number", [METRIC_COUNT] = "a count", [METRIC_SHARE] = "a share",
        [METRIC_NS] = "a duration",   [METRIC_BYTES] = "a size",  [METRIC_RATE] = "a rate",
    };
    assert((size_t)unit < sizeof(names) / sizeof(*names));
    return names[unit];
}

char *metric_format(char *text, size_t size_bytes, enum metric_unit unit, double value)
{
    char number[40];
    if (!isfinite(value)) {
        bool never = unit == METRIC_NS && value > 0;
        (void)snprintf(text, size_bytes, "%s",
                       isnan(value) ? "–"
                       : never      ? "never"
                       : value > 0  ? "∞"
                                    : "−∞");
        return text;
    }
    switch (unit) {
    case METRIC_NS:
        return format_ns(text, size_bytes, value);
    case METRIC_BYTES:
        return format_bytes(text, size_bytes, value);
    case METRIC_COUNT:
        return format_count(text, size_bytes, value);
    case METRIC_RATE:
        (void)snprintf(text, size_bytes, "%s/s", format_count(number, sizeof(number), value));
        return text;
    case METRIC_SHARE:
        (void)snprintf(text, size_bytes, "%.3g %%", value * 100);
        return text;
    case METRIC_NUMBER:
        (void)snprintf(text, size_bytes, "%.3g", value);
        return text;
    }
    return text;
}
