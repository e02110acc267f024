/* SPDX-License-Identifier: MIT */
/* sanitizer.h - which sanitizer this is built with, whichever compiler says so. */
#ifndef POOLSTORM_CORE_SANITIZER_H
#define POOLSTORM_CORE_SANITIZER_H

#if defined(__has_feature)
#if __has_feature(address_sanitizer)
#define BUILT_WITH_ASAN 1
#endif
#if __has_feature(thread_sanitizer)
#define BUILT_WITH_TSAN 1
#endif
#elif defined(__SANITIZE_ADDRESS__)
#define BUILT_WITH_ASAN 1
#elif defined(__SANITIZE_THREAD__)
#define BUILT_WITH_TSAN 1
#endif

#endif
