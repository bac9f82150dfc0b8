// Times singular_values of a backend on random attention, from host memory to host memory: numbers of single precision,
// or with "halves" of half precision and held so, as dumps hold them. Prints JSON: the seconds of every round, the
// share of the bus, and how far the values lie from dgesdd's.
#include <algorithm>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <random>
#include <span>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "lib/backend/registry.hpp"
#include "lib/core/half.hpp"
#include "lib/core/parallel.hpp"
#include "tests/bench/timed_rounds.hpp"

using namespace attnspec;

namespace {

/// Softmax of normal logits, in single precision.
std::vector<double> random_matrix(std::size_t n, std::uint64_t seed) {
  std::mt19937_64 bits(seed);
  std::normal_distribution<double> normal;
  std::vector<double> matrix(n * n);
  for (std::size_t i = 0; i < n; ++i) {
    const std::span<double> row = std::span(matrix).subspan(i * n, n);
    double sum = 0;
    for (double& entry : row) sum += entry = std::exp(normal(bits));
    for (double& entry : row) entry = static_cast<double>(static_cast<float>(entry / sum));
  }
  return matrix;
}

MatrixBatch random_batch(std::size_t n, std::size_t count, unsigned threads, BatchNumbers numbers) {
  std::vector<MatrixId> ids;
  for (std::size_t head = 0; head < count; ++head) ids.push_back({0, 0, head});
  MatrixBatch batch({n, n}, std::move(ids), nullptr, numbers);
  constexpr std::size_t most = 16;  // the rest repeats them: making them would take longer than anything else
  const std::size_t unlike = std::min(count, most);
  std::vector<std::vector<double>> matrices(unlike);
  for_each_index(unlike, threads, [&](std::size_t b, std::size_t) { matrices[b] = random_matrix(n, b); });
  for_each_index(count, threads, [&](std::size_t b, std::size_t) {
    const std::vector<double>& matrix = matrices[b % unlike];
    if (numbers == BatchNumbers::halves)
      to_halves(matrix.data(), batch.halves(b).data(), matrix.size());
    else
      std::copy(matrix.begin(), matrix.end(), batch.matrix(b).begin());
  });
  return batch;
}

/// Of the first matrices, in units of sigma_1.
double distance_to_direct(const std::vector<Spectrum>& spectra, const MatrixBatch& batch, unsigned threads) {
  const std::size_t looked_at = std::min<std::size_t>(spectra.size(), 2), n = batch.shape().rows;
  MatrixBatch first({n, n}, {{0, 0, 0}, {0, 0, 1}});
  std::vector<double> room;
  for (std::size_t b = 0; b < looked_at; ++b)
    std::copy_n(batch.doubles(b, room).begin(), n * n, first.matrix(b).begin());
  const auto truth = make_backend({"cpu", "direct", threads}).backend->singular_values(first);
  double worst = 0;
  for (std::size_t b = 0; b < looked_at; ++b)
    for (std::size_t i = 0; i < n; ++i)
      worst = std::max(worst, std::abs(spectra[b].values.at(i) - truth[b].values[i]) / truth[b].values[0]);
  return worst;
}

}  // namespace

int main(int argc, char** argv) {
  const bool halves = argc == 8 && argv[7] == std::string_view("halves");
  if (argc != 7 && !halves) {
    std::fprintf(stderr, "usage: %s DEVICE METHOD N COUNT THREADS ROUNDS [halves]\n", argv[0]);
    return EXIT_FAILURE;
  }
  return bench::exit_code_of([&] {
    const auto number = [argv](int i) { return std::stoul(argv[i]); };
    const std::size_t n = number(3), count = number(4), rounds = number(6);
    const auto threads = static_cast<unsigned>(number(5));
    const MatrixBatch batch = random_batch(n, count, threads, halves ? BatchNumbers::halves : BatchNumbers::doubles);
    const ChosenBackend chosen = make_backend({argv[1], argv[2], threads});
    std::vector<Spectrum> spectra;
    const std::string timed =
        bench::timed_rounds(*chosen.backend, rounds, [&] { spectra = chosen.backend->singular_values(batch); });
    for (const Spectrum& spectrum : spectra)
      if (spectrum.status != SvdStatus::ok) throw std::runtime_error(std::string(name_of(spectrum.status)));
    std::printf("{%s, \"count\": %zu, \"worst_sigma\": %.3g, \"card\": \"%s\"}\n", timed.c_str(), count,
                distance_to_direct(spectra, batch, threads), chosen.card.c_str());
  });
}
