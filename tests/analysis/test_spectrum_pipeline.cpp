// Batches through a backend, several at once: they come out in order, and so does a failure.
#include <unistd.h>

#include <atomic>
#include <catch2/catch.hpp>
#include <chrono>
#include <filesystem>
#include <stdexcept>
#include <thread>

#include "analysis/spectrum_pipeline.hpp"
#include "lib/core/error.hpp"
#include "lib/dump/attention_dump.hpp"
#include "lib/dump/dump_writer.hpp"
#include "tests/support/matrices.hpp"

using namespace attnspec;

namespace {

constexpr std::size_t n = 6, samples = 40;

/// A dump of one head, that goes with this object.
class OneHead {
 public:
  OneHead()
      : path_(std::filesystem::temp_directory_path() / ("attnspec-pipeline-" + std::to_string(getpid()) + ".h5")) {
    std::filesystem::remove(path_);
    DumpHeader header;
    header.model = "test";
    header.samples = samples;
    header.n = n;
    DumpWriter writer(path_, header);
    for (std::size_t sample = 0; sample < samples; ++sample)
      writer.write_attention({sample, 0, 0}, test::random_attention({n, n}, 1, sample));
    writer.finish();
  }
  ~OneHead() { std::filesystem::remove(path_); }

  BatchSource batches(const AttentionDump& dump, unsigned readers) const {
    return dump.batches(dump.everything(), {n * n * sizeof(double), readers, 1, 0, false, false});
  }
  std::string path() const { return path_; }

 private:
  std::filesystem::path path_;
};

/// The later a matrix, the sooner it is done; one of them is refused.
class Hasty final : public Backend {
 public:
  explicit Hasty(std::size_t refused = samples) : refused_(refused) {}
  std::string_view name() const override { return "hasty"; }
  std::vector<Spectrum> singular_values(const MatrixBatch& batch) override {
    const std::size_t sample = batch.id(0).sample;
    std::this_thread::sleep_for(std::chrono::microseconds(100 * (samples - sample)));
    if (sample == refused_) throw Error(ErrorKind::internal, "refused");
    ++computed;
    return {{batch.id(0), SvdStatus::ok, {1.0}, 0, "hasty"}};
  }
  Matrix product(const Matrix&, const Matrix&) override { return {}; }
  Matrix right_singular_vectors(const Matrix&) override { return {}; }
  void output_errors(std::span<const Head* const>, std::span<const ProjectionPair>, std::span<const Construction>,
                     ErrorSink&) override {}

  std::atomic<std::size_t> computed = 0;

 private:
  std::size_t refused_;
};

}  // namespace

TEST_CASE("batches come out of the pipeline in the order of the dump, each once") {
  const OneHead file;
  const AttentionDump dump(file.path());
  for (const unsigned callers : {1U, 2U, 5U})
    for (const bool spare : {false, true}) {
      BatchSource source = file.batches(dump, callers);
      Hasty backend;
      SpectrumPipeline pipeline(source, backend, callers, spare);
      for (std::size_t sample = 0; sample < samples; ++sample) {
        const auto computed = pipeline.next();
        REQUIRE(computed);
        REQUIRE(computed->spectra.front().id.sample == sample);
        REQUIRE(computed->batch.id(0).sample == sample);
      }
      REQUIRE_FALSE(pipeline.next());
      REQUIRE(backend.computed == samples);
    }
}

TEST_CASE("a failure in the pipeline comes when its turn does, after all that was before it") {
  const OneHead file;
  const AttentionDump dump(file.path());
  BatchSource source = file.batches(dump, 4);
  Hasty backend(9);
  SpectrumPipeline pipeline(source, backend, 4, true);
  for (std::size_t sample = 0; sample < 9; ++sample) REQUIRE(pipeline.next()->spectra.front().id.sample == sample);
  REQUIRE_THROWS_AS(pipeline.next(), Error);
}

TEST_CASE("a pipeline that is left early ends what is under way and starts nothing else") {
  const OneHead file;
  const AttentionDump dump(file.path());
  BatchSource source = file.batches(dump, 3);
  Hasty backend;
  {
    SpectrumPipeline pipeline(source, backend, 3, false);
    REQUIRE(pipeline.next());
  }
  REQUIRE(backend.computed < samples);
}
