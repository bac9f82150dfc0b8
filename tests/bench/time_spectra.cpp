// Times singular_values of a backend on random attention in float precision, from host memory to host memory. Prints
// JSON: the seconds of every round, the share of the bus, and how far the values lie from dgesdd's.
#include <algorithm>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <exception>
#include <random>
#include <span>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "lib/backend/registry.hpp"
#include "lib/core/parallel.hpp"
#include "tests/bench/timed_rounds.hpp"

using namespace attnspec;

namespace {

/// Softmax of normal logits, in single precision.
void fill(std::span<double> matrix, std::size_t n, std::uint64_t seed) {
  std::mt19937_64 bits(seed);
  std::normal_distribution<double> normal;
  for (std::size_t i = 0; i < n; ++i) {
    const std::span<double> row = matrix.subspan(i * n, n);
    double sum = 0;
    for (double& entry : row) sum += entry = std::exp(normal(bits));
    for (double& entry : row) entry = static_cast<double>(static_cast<float>(entry / sum));
  }
}

MatrixBatch random_batch(std::size_t n, std::size_t count, unsigned threads) {
  std::vector<MatrixId> ids;
  for (std::size_t head = 0; head < count; ++head) ids.push_back({0, 0, head});
  MatrixBatch batch({n, n}, std::move(ids));
  constexpr std::size_t unlike = 16;  // the rest repeats them: making them would take longer than anything else
  for_each_index(std::min(count, unlike), threads, [&](std::size_t b, std::size_t) { fill(batch.matrix(b), n, b); });
  for (std::size_t b = unlike; b < count; ++b)
    std::copy(batch.matrix(b % unlike).begin(), batch.matrix(b % unlike).end(), batch.matrix(b).begin());
  return batch;
}

/// Of the first matrices, in units of sigma_1.
double distance_to_direct(const std::vector<Spectrum>& spectra, std::size_t n, unsigned threads) {
  const std::size_t looked_at = std::min<std::size_t>(spectra.size(), 2);
  const auto truth =
      make_backend({"cpu", "direct", threads}).backend->singular_values(random_batch(n, looked_at, threads));
  double worst = 0;
  for (std::size_t b = 0; b < looked_at; ++b)
    for (std::size_t i = 0; i < n; ++i)
      worst = std::max(worst, std::abs(spectra[b].values.at(i) - truth[b].values[i]) / truth[b].values[0]);
  return worst;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 7) {
    std::fprintf(stderr, "usage: %s DEVICE METHOD N COUNT THREADS ROUNDS\n", argv[0]);
    return EXIT_FAILURE;
  }
  try {
    const auto number = [argv](int i) { return std::stoul(argv[i]); };
    const std::size_t n = number(3), count = number(4), rounds = number(6);
    const auto threads = static_cast<unsigned>(number(5));
    const MatrixBatch batch = random_batch(n, count, threads);
    const ChosenBackend chosen = make_backend({argv[1], argv[2], threads});
    std::vector<Spectrum> spectra;
    const std::string timed =
        bench::timed_rounds(*chosen.backend, rounds, [&] { spectra = chosen.backend->singular_values(batch); });
    for (const Spectrum& spectrum : spectra)
      if (spectrum.status != SvdStatus::ok) throw std::runtime_error(std::string(name_of(spectrum.status)));
    std::printf("{%s, \"count\": %zu, \"worst_sigma\": %.3g, \"card\": \"%s\"}\n", timed.c_str(), count,
                distance_to_direct(spectra, n, threads), chosen.card.c_str());
  } catch (const std::exception& error) {
    std::fprintf(stderr, "%s\n", error.what());
    return EXIT_FAILURE;
  }
  return EXIT_SUCCESS;
}
