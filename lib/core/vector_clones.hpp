// One source, a clone of a function for each vector width; the loader picks the widest that the CPU has. Not installed.
#pragma once

// Sanitizers and clones do not go together: the resolver would run before they are ready.
#if defined(__has_feature)
#if __has_feature(address_sanitizer)
#define __SANITIZE_ADDRESS__ 1
#endif
#endif
#if defined(__x86_64__) && !defined(__SANITIZE_ADDRESS__)
#define ATTNSPEC_VECTOR_CLONES __attribute__((target_clones("arch=x86-64-v4", "arch=x86-64-v3", "default")))
#else
#define ATTNSPEC_VECTOR_CLONES
#endif
