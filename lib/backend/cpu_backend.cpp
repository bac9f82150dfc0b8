// One matrix a worker thread, BLAS on one thread: faster than threaded BLAS at every size, and the same bits always.
#include "lib/backend/cpu_backend.hpp"

#include <cblas.h>

#include <algorithm>
#include <atomic>
#include <exception>
#include <functional>
#include <mutex>
#include <thread>
#include <vector>

#include "lib/backend/cpu_spectra.hpp"

namespace attnspec {
namespace {

class CpuBackend final : public Backend {
 public:
  CpuBackend(CpuMethod method, unsigned threads) : method_(method), workspaces_(std::max(1U, threads)) {
    openblas_set_num_threads(1);
  }

  std::string_view name() const override { return method_ == CpuMethod::direct ? "direct" : "gram"; }

  std::vector<Spectrum> singular_values(const MatrixBatch& batch) override {
    std::vector<Spectrum> spectra(batch.size());
    std::atomic<std::size_t> next{0};
    std::mutex mutex;
    std::exception_ptr failure;
    const auto work = [&](CpuWorkspace& workspace) {
      try {
        for (std::size_t b = next++; b < batch.size(); b = next++)
          spectra[b] =
              method_ == CpuMethod::direct ? direct_spectrum(batch, b, workspace) : gram_spectrum(batch, b, workspace);
      } catch (...) {
        const std::lock_guard lock(mutex);
        failure = std::current_exception();
        next = batch.size();
      }
    };
    {
      std::vector<std::jthread> workers;
      const std::size_t helpers = std::min(workspaces_.size(), batch.size());
      for (std::size_t w = 1; w < helpers; ++w) workers.emplace_back(work, std::ref(workspaces_[w]));
      work(workspaces_[0]);
    }
    if (failure) std::rethrow_exception(failure);
    return spectra;
  }

 private:
  CpuMethod method_;
  std::vector<CpuWorkspace> workspaces_;
};

}  // namespace
}  // namespace attnspec

attnspec::Backend* attnspec_cpu_backend(attnspec::CpuMethod method, unsigned threads) {
  return new attnspec::CpuBackend(method, threads);
}

void attnspec_openblas_facts(attnspec::OpenBlasFacts* facts) {
  facts->config = openblas_get_config();
  facts->kernel = openblas_get_corename();
}
