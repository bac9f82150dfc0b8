// attnspec-print-gaussian-map K N SEED TRIAL: R as raw doubles, for numpy to compare itself with.
#include <cstdio>
#include <exception>
#include <string>

#include "lib/core/gaussian_map.hpp"

int main(int count, char** words) try {
  if (count != 5) {
    std::fputs("usage: attnspec-print-gaussian-map K N SEED TRIAL\n", stderr);
    return 2;
  }
  const attnspec::Matrix r =
      attnspec::matrix_of({std::stoul(words[1]), std::stoul(words[2]), std::stoull(words[3]), std::stoull(words[4])});
  return std::fwrite(r.values.data(), sizeof(double), r.values.size(), stdout) == r.values.size() ? 0 : 4;
} catch (const std::exception& failure) {
  std::fprintf(stderr, "attnspec-print-gaussian-map: %s\n", failure.what());
  return 70;
}
