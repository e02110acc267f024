/* SPDX-License-Identifier: MIT */
/* message.h - numbers and texts as PostgreSQL's protocol writes them. */
#ifndef POOLSTORM_FAULTS_POSTGRES_MESSAGE_H
#define POOLSTORM_FAULTS_POSTGRES_MESSAGE_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

#define MESSAGE_HEADER_BYTES 5           /* type, and length with itself but without the type */
#define MESSAGE_LENGTH_MAX   0x3fffffffu /* PostgreSQL's own */

static inline uint32_t message_u32(const char *data)
{
    uint32_t number;
    memcpy(&number, data, sizeof(number));
    return __builtin_bswap32(number);
}

static inline void message_put_u32(char *data, uint32_t number)
{
    number = __builtin_bswap32(number);
    memcpy(data, &number, sizeof(number));
}

/* Writes messages one behind the other. Whoever makes one sees to it that there is room. */
struct message_writer {
    char *data;
    size_t size_bytes;
    size_t begun; /* where the message being written begins */
};

static inline void message_begin(struct message_writer *writer, char type)
{
    writer->begun = writer->size_bytes;
    writer->data[writer->size_bytes] = type;
    writer->size_bytes += MESSAGE_HEADER_BYTES;
}

static inline void message_add(struct message_writer *writer, const void *bytes, size_t size_bytes)
{
    memcpy(writer->data + writer->size_bytes, bytes, size_bytes);
    writer->size_bytes += size_bytes;
}

static inline void message_add_char(struct message_writer *writer, char byte)
{
    message_add(writer, &byte, 1);
}

/* With its end. */
static inline void message_add_text(struct message_writer *writer, const char *text)
{
    message_add(writer, text, strlen(text) + 1);
}

static inline void message_end(struct message_writer *writer)
{
    size_t size_bytes = writer->size_bytes - writer->begun - 1;
    message_put_u32(writer->data + writer->begun + 1, (uint32_t)size_bytes);
}

#endif
