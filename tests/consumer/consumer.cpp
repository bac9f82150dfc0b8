// A small program on libattnspec: the spectrum of two matrices by every usable backend.
#include <cmath>
#include <cstdio>

#include "analysis/spectrum_measures.hpp"
#include "lib/backend/registry.hpp"

int main() {
  attnspec::MatrixBatch batch({2, 2}, {{0, 0, 0}, {0, 0, 1}});
  batch.matrix(0)[0] = batch.matrix(0)[3] = 1;
  batch.matrix(1)[0] = batch.matrix(1)[2] = 1;
  for (const char* method : {"gram", "direct", "reference"}) {
    const auto chosen = attnspec::make_backend({"cpu", method, 2});
    const auto spectra = chosen.backend->singular_values(batch);
    const double identity = attnspec::effective_rank(spectra[0].values),
                 rank_one = attnspec::stable_rank(spectra[1].values);
    if (std::abs(identity - 2) > 1e-6 || std::abs(rank_one - 1) > 1e-6) {
      std::printf("%s: effective rank %g, stable rank %g, expected 2 and 1\n", method, identity, rank_one);
      return 1;
    }
  }
  std::puts("the installed library works");
  return 0;
}
