// Times trials of a backend, from maps in host memory to errors in it, on random heads that are kept as `verify` keeps
// them: Theorem 1's construction and a softmax, k = N / 2 each, d = 32. Prints JSON: the seconds of every round, and
// the squared errors' sum, which is to be the same on every backend but for rounding.
#include <algorithm>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <mutex>
#include <string>
#include <vector>

#include "lib/backend/registry.hpp"
#include "tests/bench/timed_rounds.hpp"
#include "tests/support/heads.hpp"

using namespace attnspec;

namespace {

class Squares final : public ErrorSink {
 public:
  void take(std::size_t, std::size_t, std::size_t, const OutputError& error) override {
    double sum = 0;
    for (const double square : error.columns) sum += square;
    const std::lock_guard lock(mutex_);
    sum_ += sum;
  }
  double sum() const { return sum_; }

 private:
  double sum_ = 0;
  std::mutex mutex_;
};

/// The first ones differ: making them takes long.
std::vector<Head> heads_of(std::size_t count, std::size_t n) {
  constexpr std::size_t unlike = 4, width = 32;
  std::vector<Head> heads = test::random_heads(std::min(count, unlike), n, n, width, width, 1);
  while (heads.size() < count) heads.push_back(heads[heads.size() % unlike]);
  return heads;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 7) {
    std::fprintf(stderr, "usage: %s DEVICE N HEADS TRIALS THREADS ROUNDS\n", argv[0]);
    return EXIT_FAILURE;
  }
  return bench::exit_code_of([&] {
    const auto number = [argv](int i) { return std::stoul(argv[i]); };
    const std::size_t n = number(2), count = number(3), trials = number(4), k = std::max<std::size_t>(1, n / 2);
    const std::vector<Head> heads = heads_of(count, n);
    const std::vector<const Head*> all = test::pointers(heads);
    const test::Maps maps(trials, k, n, 1);
    const std::vector<ProjectionPair> pairs = maps.pairs();
    const double scale = 1 / std::sqrt(static_cast<double>(k));
    const std::vector<Construction> constructions{{Form::linear, k, scale, scale}, {Form::softmax, k, scale, scale}};
    const ChosenBackend chosen = make_backend({argv[1], "auto", static_cast<unsigned>(number(5))});
    const auto kept = chosen.backend->keep(all);
    double squares = 0;
    const std::string rounds = bench::timed_rounds(*chosen.backend, number(6), [&] {
      Squares sink;
      for (std::size_t first = 0; first < trials; first += Backend::trial_group) {
        const std::size_t some = std::min(Backend::trial_group, trials - first);
        chosen.backend->output_errors(all, {pairs.data() + first, some}, constructions, sink);
      }
      squares = sink.sum();
    });
    std::printf("{%s, \"heads\": %zu, \"trials\": %zu, \"squares\": %.17g, \"card\": \"%s\"}\n", rounds.c_str(), count,
                trials, squares, chosen.card.c_str());
  });
}
