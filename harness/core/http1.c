/* SPDX-License-Identifier: MIT */
/* http1.c - a strict, single-pass reader of HTTP/1.1 heads and chunked bodies (RFC 9112). */
#include "core/http1.h"

#include <endian.h>
#include <errno.h>
#include <string.h>
#include <strings.h>

/* What every step answers beside -errno. */
enum { MORE = 0, READ = 1 };

struct cursor {
    const char *at, *end;
};

/* What the headers said about framing, judged once all have been read. */
struct seen {
    unsigned hosts;
    bool length, coding;
    bool close, keep_alive;
};

/* tchar of RFC 9110 5.6.2. */
static const bool token_chars[256] = {
    ['!'] = true,         ['#'] = true,         ['$'] = true,         ['%'] = true, ['&'] = true,
    ['\''] = true,        ['*'] = true,         ['+'] = true,         ['-'] = true, ['.'] = true,
    ['^'] = true,         ['_'] = true,         ['`'] = true,         ['|'] = true, ['~'] = true,
    ['0' ... '9'] = true, ['A' ... 'Z'] = true, ['a' ... 'z'] = true,
};

static bool is_token(char c)
{
    return token_chars[(unsigned char)c];
}

static bool is_blank(char c)
{
    return c == ' ' || c == '\t';
}

static bool is_field(char c)
{
    unsigned char byte = (unsigned char)c;
    return byte == '\t' || (byte >= 0x20 && byte != 0x7f);
}

/* lower holds letters, digits and '-' only; no other byte that may stand here folds onto those. */
static bool same_folded(const char *data, const char *lower, size_t length)
{
    unsigned char differ = 0;
    for (size_t i = 0; i < length; i++)
        differ |= (unsigned char)((data[i] | 0x20) ^ lower[i]);
    return differ == 0;
}

static bool slice_is(struct slice slice, const char *lower)
{
    size_t length = strlen(lower);
    return slice.length == length && same_folded(slice.data, lower, length);
}

/* The first byte of a field that is a control character other than a tab, eight at a time until
 * one is met: the lowest set mark is exact, those above it may not be. */
static const char *field_end(const char *at, const char *end)
{
    const uint64_t ones = UINT64_MAX / 255;
    while (end - at >= 8) {
        uint64_t word;
        memcpy(&word, at, sizeof(word));
        word = le64toh(word);
        uint64_t del = word ^ (ones * 0x7f);
        uint64_t marks = ((word - ones * 0x20) & ~word) | ((del - ones) & ~del);
        marks &= ones * 0x80;
        if (marks) {
            at += __builtin_ctzll(marks) / 8;
            break;
        }
        at += 8;
    }
    while (at < end && is_field(*at))
        at++;
    return at;
}

static int read_line_end(struct cursor *in)
{
    if (in->at == in->end)
        return MORE;
    if (in->at[0] != '\r')
        return -EBADMSG;
    if (in->end - in->at < 2)
        return MORE;
    if (in->at[1] != '\n')
        return -EBADMSG;
    in->at += 2;
    return READ;
}

/* "HTTP/1.x": a later minor version is read as the latest we know (RFC 9110 2.5). */
static int read_version(struct cursor *in, int *minor)
{
    static const char prefix[] = "HTTP/1.";
    enum { LENGTH = sizeof(prefix) - 1 };
    size_t left = (size_t)(in->end - in->at);
    if (memcmp(in->at, prefix, left < LENGTH ? left : LENGTH) != 0)
        return -EBADMSG;
    if (left <= LENGTH)
        return MORE;
    char digit = in->at[LENGTH];
    if (digit < '0' || digit > '9')
        return -EBADMSG;
    *minor = digit != '0';
    in->at += LENGTH + 1;
    return READ;
}

/* Method and target, each with the blank behind it. */
static int read_request_line(struct cursor *in, struct http1_head *head)
{
    const char *at = in->at;
    while (at < in->end && is_token(*at))
        at++;
    if (at == in->end)
        return MORE;
    if (*at != ' ' || at == in->at)
        return -EBADMSG;
    head->method = (struct slice){in->at, (size_t)(at - in->at)};
    const char *target = ++at;
    while (at<in->end && * at> ' ' && *at < 0x7f)
        at++;
    if (at == in->end)
        return MORE;
    if (*at != ' ' || at == target)
        return -EBADMSG;
    head->target = (struct slice){target, (size_t)(at - target)};
    in->at = at + 1;
    int rc = read_version(in, &head->minor);
    return rc == READ ? read_line_end(in) : rc;
}

/* Some servers leave out the blank before an empty reason; nothing is ambiguous about that. */
static int read_status_line(struct cursor *in, struct http1_head *head)
{
    int rc = read_version(in, &head->minor);
    if (rc != READ)
        return rc;
    for (int i = 0; i < 4; i++) {
        if (in->at + i == in->end)
            return MORE;
        char c = in->at[i];
        if (i == 0 ? c != ' ' : (c < '0' || c > '9'))
            return -EBADMSG;
    }
    head->status = (in->at[1] - '0') * 100 + (in->at[2] - '0') * 10 + (in->at[3] - '0');
    if (head->status < 100)
        return -EBADMSG;
    in->at += 4;
    if (in->at == in->end)
        return MORE;
    if (*in->at != ' ')
        return read_line_end(in);
    in->at = field_end(in->at, in->end);
    return read_line_end(in);
}

/* Equal repetitions are harmless; lists, signs and overflow are not a length. */
static int take_length(struct http1_head *head, struct seen *seen, struct slice value)
{
    uint64_t length = 0;
    if (value.length == 0)
        return -EBADMSG;
    for (size_t i = 0; i < value.length; i++) {
        unsigned digit = (unsigned)(unsigned char)value.data[i] - '0';
        if (digit > 9 || __builtin_mul_overflow(length, 10, &length) ||
            __builtin_add_overflow(length, digit, &length))
            return -EBADMSG;
    }
    if (seen->length && length != head->content_length)
        return -EBADMSG;
    seen->length = true;
    head->content_length = length;
    return 0;
}

/* Only chunks are offered by us and only chunks are taken: another coding cannot be framed. */
static int take_coding(struct seen *seen, struct slice value)
{
    if (seen->coding || !slice_is(value, "chunked"))
        return -EBADMSG;
    seen->coding = true;
    return 0;
}

static void take_connection(struct seen *seen, struct slice value)
{
    const char *at = value.data, *end = at + value.length;
    while (at < end) {
        while (at < end && (is_blank(*at) || *at == ','))
            at++;
        const char *word = at;
        while (at < end && is_token(*at))
            at++;
        struct slice option = {word, (size_t)(at - word)};
        seen->close |= slice_is(option, "close");
        seen->keep_alive |= slice_is(option, "keep-alive");
        while (at < end && *at != ',')
            at++;
    }
}

/* Looks only at the headers that decide about framing; their lengths tell them apart. */
static int take_header(struct http1_head *head, struct seen *seen,
                       const struct http1_header *header)
{
    switch (header->name.length) {
    case 4:
        seen->hosts += slice_is(header->name, "host");
        return 0;
    case 6:
        if (slice_is(header->name, "expect"))
            head->expect_continue = slice_is(header->value, "100-continue");
        return 0;
    case 10:
        if (slice_is(header->name, "connection"))
            take_connection(seen, header->value);
        return 0;
    case 14:
        if (slice_is(header->name, "content-length"))
            return take_length(head, seen, header->value);
        return 0;
    case 17:
        if (slice_is(header->name, "transfer-encoding"))
            return take_coding(seen, header->value);
        return 0;
    default:
        return 0;
    }
}

/* "name: value": nothing between name and colon, no continuation lines. */
static int read_header(struct cursor *in, struct http1_header *header)
{
    const char *at = in->at;
    while (at < in->end && is_token(*at))
        at++;
    if (at == in->end)
        return MORE;
    if (*at != ':' || at == in->at)
        return -EBADMSG;
    header->name = (struct slice){in->at, (size_t)(at - in->at)};
    at++;
    while (at < in->end && is_blank(*at))
        at++;
    const char *value = at;
    in->at = at = field_end(at, in->end);
    while (at > value && is_blank(at[-1]))
        at--;
    header->value = (struct slice){value, (size_t)(at - value)};
    return read_line_end(in);
}

static int read_headers(struct cursor *in, struct http1_head *head, struct seen *seen)
{
    for (;;) {
        if (in->at == in->end)
            return MORE;
        if (*in->at == '\r')
            return read_line_end(in);
        if (head->header_count == HTTP1_HEADERS_MAX)
            return -E2BIG;
        struct http1_header *header = &head->headers[head->header_count];
        int rc = read_header(in, header);
        if (rc != READ)
            return rc;
        rc = take_header(head, seen, header);
        if (rc)
            return rc;
        head->header_count++;
    }
}

/* All but the headers themselves, which are valid up to header_count only. */
static void clear_head(struct http1_head *head)
{
    memset(head, 0, offsetof(struct http1_head, headers));
}

/* RFC 9112 6.3 and 9.3. A message that can be framed in two ways is how requests are smuggled. */
static int judge(struct http1_head *head, const struct seen *seen)
{
    if (seen->coding && (seen->length || head->minor == 0))
        return -EBADMSG;
    if (seen->coding)
        head->framing = HTTP1_CHUNKED;
    else if (seen->length)
        head->framing = HTTP1_LENGTH;
    head->keep_alive = !seen->close && (head->minor == 1 || seen->keep_alive);
    return 0;
}

ssize_t http1_parse_request(const char *data, size_t length, struct http1_head *head)
{
    struct cursor in = {data, data + length};
    struct seen seen = {0};
    clear_head(head);
    if (length > 0 && *data == '\r') { /* one empty line before it is forgiven, RFC 9112 2.2 */
        int rc = read_line_end(&in);
        if (rc != READ)
            return rc;
    }
    int rc = read_request_line(&in, head);
    if (rc == READ)
        rc = read_headers(&in, head, &seen);
    if (rc != READ)
        return rc;
    if (seen.hosts > 1 || (seen.hosts == 0 && head->minor == 1))
        return -EBADMSG;
    if (head->minor == 0)
        head->expect_continue = false;
    rc = judge(head, &seen);
    return rc ? rc : in.at - data;
}

ssize_t http1_parse_reply(const char *data, size_t length, bool to_head, struct http1_head *head)
{
    struct cursor in = {data, data + length};
    struct seen seen = {0};
    clear_head(head);
    int rc = read_status_line(&in, head);
    if (rc == READ)
        rc = read_headers(&in, head, &seen);
    if (rc != READ)
        return rc;
    rc = judge(head, &seen);
    if (rc)
        return rc;
    if (to_head || head->status < 200 || head->status == 204 || head->status == 304) {
        head->framing = HTTP1_NO_BODY;
    } else if (head->framing == HTTP1_NO_BODY) {
        head->framing = HTTP1_UNTIL_CLOSE;
        head->keep_alive = false;
    }
    return in.at - data;
}

struct slice http1_header(const struct http1_head *head, const char *name)
{
    size_t length = strlen(name);
    for (unsigned i = 0; i < head->header_count; i++) {
        const struct http1_header *header = &head->headers[i];
        if (header->name.length == length && strncasecmp(header->name.data, name, length) == 0)
            return header->value;
    }
    return (struct slice){NULL, 0};
}

/* ---- Chunked bodies -------------------------------------------------------------------------- */

enum chunk_state {
    CHUNK_SIZE_FIRST, /* a hexadecimal digit must come */
    CHUNK_SIZE,       /* more digits, or what follows them */
    CHUNK_BLANK,      /* between size and extension */
    CHUNK_EXTENSION,  /* skipped */
    CHUNK_SIZE_LF,
    CHUNK_DATA,
    CHUNK_DATA_CR,
    CHUNK_DATA_LF,
    CHUNK_TRAILER_START,
    CHUNK_TRAILER_NAME,
    CHUNK_TRAILER_VALUE,
    CHUNK_TRAILER_LF,
    CHUNK_END_LF,
};

/* Bytes of one size line, or of all trailers, that a body may spend on saying nothing. The count
 * lives in the state above its low byte. */
enum { CHUNK_LINE_MAX = 16384, CHUNK_COUNT_ONE = 1 << 8, CHUNK_STATE_MASK = 0xff };

static int hex_value(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    char lower = (char)(c | 0x20);
    return lower >= 'a' && lower <= 'f' ? lower - 'a' + 10 : -1;
}

static int chunk_size_step(struct http1_chunks *chunks, enum chunk_state state, char c)
{
    int digit = hex_value(c);
    if (digit >= 0) {
        if (chunks->left >> 60)
            return -EBADMSG;
        chunks->left = chunks->left << 4 | (uint64_t)digit;
        return CHUNK_SIZE;
    }
    if (state == CHUNK_SIZE_FIRST)
        return -EBADMSG;
    if (c == '\r')
        return CHUNK_SIZE_LF;
    if (c == ';')
        return CHUNK_EXTENSION;
    return is_blank(c) ? CHUNK_BLANK : -EBADMSG;
}

/* One byte outside the data: the next state, or -EBADMSG. */
static int chunk_step(struct http1_chunks *chunks, enum chunk_state state, char c)
{
    switch (state) {
    case CHUNK_SIZE_FIRST:
    case CHUNK_SIZE:
        return chunk_size_step(chunks, state, c);
    case CHUNK_BLANK:
        if (c == ';')
            return CHUNK_EXTENSION;
        return is_blank(c) ? CHUNK_BLANK : -EBADMSG;
    case CHUNK_EXTENSION:
        if (c == '\r')
            return CHUNK_SIZE_LF;
        return is_field(c) ? CHUNK_EXTENSION : -EBADMSG;
    case CHUNK_SIZE_LF:
        if (c != '\n')
            return -EBADMSG;
        return chunks->left ? CHUNK_DATA : CHUNK_TRAILER_START;
    case CHUNK_DATA_CR:
        return c == '\r' ? CHUNK_DATA_LF : -EBADMSG;
    case CHUNK_DATA_LF:
        return c == '\n' ? CHUNK_SIZE_FIRST : -EBADMSG;
    case CHUNK_TRAILER_START:
        if (c == '\r')
            return CHUNK_END_LF;
        return is_token(c) ? CHUNK_TRAILER_NAME : -EBADMSG;
    case CHUNK_TRAILER_NAME:
        if (c == ':')
            return CHUNK_TRAILER_VALUE;
        return is_token(c) ? CHUNK_TRAILER_NAME : -EBADMSG;
    case CHUNK_TRAILER_VALUE:
        if (c == '\r')
            return CHUNK_TRAILER_LF;
        return is_field(c) ? CHUNK_TRAILER_VALUE : -EBADMSG;
    case CHUNK_TRAILER_LF:
        return c == '\n' ? CHUNK_TRAILER_START : -EBADMSG;
    case CHUNK_END_LF:
        chunks->done = c == '\n';
        return c == '\n' ? CHUNK_END_LF : -EBADMSG;
    case CHUNK_DATA:
        break; /* taken whole by the caller */
    }
    return -EBADMSG;
}

ssize_t http1_dechunk(struct http1_chunks *chunks, char *data, size_t length, size_t *consumed)
{
    size_t in = 0, out = 0;
    int state = chunks->state & CHUNK_STATE_MASK, count = chunks->state / CHUNK_COUNT_ONE;
    while (in < length && !chunks->done) {
        if (state == CHUNK_DATA) {
            size_t take = length - in < chunks->left ? length - in : (size_t)chunks->left;
            if (out != in)
                memmove(data + out, data + in, take);
            in += take;
            out += take;
            chunks->left -= take;
            if (chunks->left > 0)
                break;
            state = CHUNK_DATA_CR;
            count = 0;
            continue;
        }
        state = chunk_step(chunks, (enum chunk_state)state, data[in++]);
        if (state < 0 || ++count > CHUNK_LINE_MAX)
            return -EBADMSG;
    }
    chunks->state = state + count * CHUNK_COUNT_ONE;
    *consumed = in;
    return (ssize_t)out;
}
