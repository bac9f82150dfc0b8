// Spectra and trials by the device; what fails there becomes an error of attnspec.
#include "lib/backend/gpu_backend.hpp"

#include <mutex>
#include <string>
#include <utility>

#include "lib/backend/gpu_trials.hpp"
#include "lib/core/error.hpp"

namespace attnspec {
namespace {

/// A card's failure in the words of attnspec.
template <class Work>
auto guarded(Work work) {
  try {
    return work();
  } catch (const GpuFailure& failure) {
    throw Error(ErrorKind::unsupported, std::string("the GPU failed: ") + failure.what() +
                                            ". What is in the journal is kept: the same command with --resume goes "
                                            "on from there, with --device cpu if the GPU does not come back");
  }
}

class GpuBackend final : public Backend {
 public:
  GpuBackend(std::unique_ptr<GpuDevice> device, std::unique_ptr<Backend> host, const GpuOptions& options)
      : device_(std::move(device)),
        host_(std::move(host)),
        method_(options.method),
        budget_(options.most_bytes > 0 ? options.most_bytes
                                       : device_->library_bytes() + device_->facts().free_bytes / 5 * 4),
        spectra_(*device_, method_, budget_, options.threads, options.route),
        trials_(*device_, budget_) {}

  std::string_view name() const override { return method_ == GpuMethod::gram ? "gram" : "direct"; }

  std::vector<Spectrum> singular_values(const MatrixBatch& batch) override {
    const std::lock_guard one_at_a_time(mutex_);
    return guarded([&] {
      trials_.release();
      return spectra_(batch);
    });
  }

  bool takes_halves() const override { return true; }
  bool takes_queries_and_keys() const override { return true; }

  bool time_bus() override {
    const std::lock_guard one_at_a_time(mutex_);
    guarded([&] { device_->time_copies(); });
    return true;
  }
  double seconds_on_bus() override {
    const std::lock_guard one_at_a_time(mutex_);
    return guarded([&] { return device_->seconds_copying(); });
  }

  Matrix product(const Matrix& a, const Matrix& b) override { return host_->product(a, b); }

  Matrix right_singular_vectors(const Matrix& matrix) override { return host_->right_singular_vectors(matrix); }

  std::shared_ptr<const void> keep(std::span<const Head* const> heads) override {
    const std::lock_guard one_at_a_time(mutex_);
    return trials_.keep(heads);
  }

  void output_errors(std::span<const Head* const> heads, std::span<const ProjectionPair> trials,
                     std::span<const Construction> constructions, ErrorSink& sink) override {
    const std::lock_guard one_at_a_time(mutex_);
    guarded([&] {
      spectra_.release();
      trials_(heads, trials, constructions, sink);
    });
  }

 private:
  std::unique_ptr<GpuDevice> device_;
  std::unique_ptr<Backend> host_;
  GpuMethod method_;
  std::size_t budget_;
  GpuSpectra spectra_;
  GpuTrials trials_;
  std::mutex mutex_;
};

}  // namespace

std::unique_ptr<Backend> make_gpu_backend(std::unique_ptr<GpuDevice> device, std::unique_ptr<Backend> host,
                                          const GpuOptions& options) {
  return std::make_unique<GpuBackend>(std::move(device), std::move(host), options);
}

}  // namespace attnspec
