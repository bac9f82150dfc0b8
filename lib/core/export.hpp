// The one public macro of the project: what libattnspec.so shows to the outside.
#pragma once

#define ATTNSPEC_API __attribute__((visibility("default")))
