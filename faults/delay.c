/* SPDX-License-Identifier: MIT */
/* delay.c - draws delays from distributions and from files of percentiles. */
#include "faults/delay.h"

#include "core/clock.h"
#include "faults/delay_files.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
    FILE_BYTES_MAX = 1 << 20, /* some 15,000 lines */
    LINES_MAX = 1 << 14,
};

enum { UNIFORM, NORMAL, PARETO };

const char *const delay_distributions[] = {"uniform", "normal", "pareto", NULL};

struct row {
    double share;    /* of all values that are at most */
    double value_ns; /* this */
};

struct delay_table {
    size_t count; /* of rows, at least 1 */
    struct row rows[LINES_MAX];
};

/* ---- The file -------------------------------------------------------------------------------- */

static int read_file(const char *path, char *text, size_t *size_bytes, struct err *err)
{
    struct stat about;
    int rc = 0;
    int fd = delay_open(path, err);
    if (fd < 0)
        return fd;
    if (fstat(fd, &about))
        rc = err_sys(err, -errno, "look at %.200s", path);
    else if (!S_ISREG(about.st_mode) || about.st_size > FILE_BYTES_MAX)
        rc = err_set(err, -EINVAL, "%.200s: expected a file of %d bytes at most", path,
                     FILE_BYTES_MAX);
    if (rc)
        goto out;
    ssize_t got = read(fd, text, FILE_BYTES_MAX);
    if (got < 0)
        rc = err_sys(err, -errno, "read %.200s", path);
    else
        *size_bytes = (size_t)got;
out:
    (void)close(fd); /* only read from */
    return rc;
}

/* A line "value share count …"; false for headings, comments and blank lines. */
static bool read_row(const char *line, struct row *row)
{
    char *end = NULL, *second = NULL;
    line += strspn(line, " \t\r");
    if (*line < '0' || *line > '9')
        return false;
    row->value_ns = strtod(line, &end);
    row->share = strtod(end, &second);
    return second != end;
}

/* A line whose numbers cannot follow those before is a mistake: the file is something else. */
static int read_rows(struct delay *delay, char *text, struct err *err)
{
    struct delay_table *table = delay->table;
    char *rest = NULL;
    double share = 0, value_ns = 0;
    size_t number = 0;
    for (char *line = strtok_r(text, "\n", &rest); line; line = strtok_r(NULL, "\n", &rest)) {
        struct row row;
        number++;
        if (!read_row(line, &row))
            continue;
        row.value_ns *= (double)delay->unit_ns;
        if (!(row.share >= share && row.share <= 1 && row.value_ns >= value_ns) ||
            row.value_ns > 0x1p62)
            return err_set(
                err, -EINVAL,
                "%.200s: line %zu: expected a value and its percentile (0 to 1), neither "
                "below those before",
                delay->file, number);
        if (table->count == LINES_MAX)
            return err_set(err, -EINVAL, "%.200s: expected %d lines at most", delay->file,
                           LINES_MAX);
        table->rows[table->count++] = row;
        share = row.share;
        value_ns = row.value_ns;
    }
    if (table->count == 0)
        return err_set(err, -EINVAL, "%.200s: expected percentiles, as HdrHistogram writes them",
                       delay->file);
    return 0;
}

static bool has_file(const struct delay *delay)
{
    return delay->file && delay->file[0];
}

int delay_check(const struct delay *delay, struct err *err)
{
    if (has_file(delay) && (delay->jitter_ns != 0 || delay->distribution != UNIFORM))
        return err_set(err, -EINVAL, "file: it replaces jitter and distribution");
    return 0;
}

int delay_prepare(struct delay *delay, struct err *err)
{
    if (!has_file(delay))
        return 0;
    size_t size_bytes = 0;
    char *text = malloc(FILE_BYTES_MAX + 1);
    delay->table = calloc(1, sizeof(*delay->table));
    int rc = text && delay->table ? 0 : err_sys(err, -ENOMEM, "read %.200s", delay->file);
    if (rc == 0)
        rc = read_file(delay->file, text, &size_bytes, err);
    if (rc == 0) {
        text[size_bytes] = '\0';
        rc = read_rows(delay, text, err);
    }
    free(text);
    return rc;
}

void delay_fini(struct delay *delay)
{
    free(delay->table);
    delay->table = NULL;
}

/* ---- Draws ----------------------------------------------------------------------------------- */

static double draw_table(const struct delay_table *table, double u)
{
    size_t low = 0, high = table->count - 1; /* the first row that reaches u, or the last */
    while (low < high) {
        size_t middle = (low + high) / 2;
        if (table->rows[middle].share >= u)
            high = middle;
        else
            low = middle + 1;
    }
    const struct row *row = &table->rows[low];
    if (low == 0 || row->share <= u)
        return row->value_ns;
    const struct row *before = row - 1;
    double part = (u - before->share) / (row->share - before->share);
    return before->value_ns + part * (row->value_ns - before->value_ns);
}

/* Box and Muller's. */
static double draw_normal(struct rng *rng)
{
    double radius = sqrt(-2 * log1p(-rng_unit(rng)));
    return radius * cos(2 * M_PI * rng_unit(rng));
}

/* The mean of Lomax's distribution is scale / (shape - 1). */
static double draw_lomax(struct rng *rng, double mean)
{
    const double shape = 3;
    return mean * (shape - 1) * (pow(1 - rng_unit(rng), -1 / shape) - 1);
}

uint64_t delay_draw(const struct delay *delay, struct rng *rng)
{
    double spread_ns = 0, jitter_ns = (double)delay->jitter_ns;
    if (delay->table)
        spread_ns = draw_table(delay->table, rng_unit(rng));
    else if (delay->jitter_ns == 0)
        return delay->delay_ns;
    else if (delay->distribution == NORMAL)
        spread_ns = jitter_ns * draw_normal(rng);
    else if (delay->distribution == PARETO)
        spread_ns = draw_lomax(rng, jitter_ns);
    else
        spread_ns = jitter_ns * (2 * rng_unit(rng) - 1);
    double sum_ns = (double)delay->delay_ns + spread_ns;
    if (sum_ns <= 0)
        return 0;
    return sum_ns < 0x1p62 ? (uint64_t)sum_ns : UINT64_C(1) << 62;
}
