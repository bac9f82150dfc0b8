# Warnings are errors in our own code, in every build.
add_library(attnspec_warnings INTERFACE)
target_compile_options(attnspec_warnings INTERFACE -Wall -Wextra -Wpedantic -Wconversion -Wshadow -Werror -Wno-restrict)
# -Wno-restrict: GCC 12 takes "text" + std::string for an overlapping copy (GCC bug 105651).
