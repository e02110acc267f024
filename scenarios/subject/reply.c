/* SPDX-License-Identifier: MIT */
/* reply.c - heads of answers, built by hand: they are on the path of every request. */
#include "subject/reply.h"

#include <assert.h>
#include <string.h>

const struct reply_status reply_statuses[] = {
    {200, "OK"},
    {400, "Bad Request"},
    {404, "Not Found"},
    {405, "Method Not Allowed"},
    {413, "Content Too Large"},
    {429, "Too Many Requests"},
    {431, "Request Header Fields Too Large"},
    {503, "Service Unavailable"},
    {504, "Gateway Timeout"},
    {500, "Internal Server Error"}, /* last: it stands for any that is not here */
    {0, NULL},
};

unsigned reply_status_index(int status)
{
    unsigned index = 0;
    while (reply_statuses[index].status != status && reply_statuses[index].status != 500)
        index++;
    return index;
}

static char *put(char *out, const char *text)
{
    size_t length = strlen(text);
    memcpy(out, text, length);
    return out + length;
}

static char *put_number(char *out, size_t value)
{
    char digits[20];
    size_t count = 0;
    do {
        digits[count++] = (char)('0' + value % 10);
        value /= 10;
    } while (value);
    while (count)
        *out++ = digits[--count];
    return out;
}

size_t reply_write_head(char *out, const struct reply_head *head)
{
    const struct reply_status *status = &reply_statuses[reply_status_index(head->status)];
    char *at = put(out, "HTTP/1.1 ");
    at = put_number(at, (size_t)status->status);
    *at++ = ' ';
    at = put(at, status->reason);
    at = put(at, "\r\nContent-Type: ");
    at = put(at, head->content_type);
    at = put(at, "\r\nContent-Length: ");
    at = put_number(at, head->length_bytes);
    if (head->allow) {
        at = put(at, "\r\nAllow: ");
        at = put(at, head->allow);
    }
    if (!head->keep_alive)
        at = put(at, "\r\nConnection: close");
    else if (head->minor == 0)
        at = put(at, "\r\nConnection: keep-alive");
    at = put(at, "\r\n\r\n");
    assert(at - out <= REPLY_HEAD_MAX);
    return (size_t)(at - out);
}
