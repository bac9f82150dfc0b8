// One matrix a worker thread, BLAS on one thread: faster than threaded BLAS at every size, and the same bits always.
#include "lib/backend/cpu_backend.hpp"

#include <cblas.h>

#include <algorithm>
#include <atomic>
#include <vector>

#include "lib/backend/cpu_direct32.hpp"
#include "lib/backend/cpu_gram.hpp"
#include "lib/backend/cpu_spectra.hpp"
#include "lib/backend/cpu_trials.hpp"
#include "lib/core/parallel.hpp"
#include "lib/core/thread_time.hpp"
#include "lib/core/worker_slots.hpp"

namespace attnspec {
namespace {

class CpuBackend final : public Backend {
 public:
  CpuBackend(CpuMethod method, unsigned threads)
      : method_(method),
        workspaces_(std::max(1U, threads)),
        direct32_(workspaces_.size()),
        gram_(workspaces_.size()),
        slots_(workspaces_.size()) {
    openblas_set_num_threads(1);
  }

  std::string_view name() const override {
    return method_ == CpuMethod::direct ? "direct" : method_ == CpuMethod::direct32 ? "direct32" : "gram";
  }

  std::vector<Spectrum> singular_values(const MatrixBatch& batch) override { return spectra_of(batch, threads()); }

  std::vector<Spectrum> singular_values_alone(const MatrixBatch& batch) override { return spectra_of(batch, 1); }

  bool takes_halves() const override { return true; }

  double seconds_computing() const override { return seconds_; }

  Matrix product(const Matrix& a, const Matrix& b) override { return cpu_product(a, b); }

  Matrix right_singular_vectors(const Matrix& matrix) override { return cpu_right_singular_vectors(matrix); }

  void output_errors(std::span<const Head* const> heads, std::span<const ProjectionPair> trials,
                     std::span<const Construction> constructions, ErrorSink& sink) override {
    const TrialPlan plan(constructions);
    std::vector<CpuTrialWorker> workers(workspaces_.size());
    const std::size_t groups = (trials.size() + trial_group - 1) / trial_group;
    for_each_index(groups * heads.size(), threads(), [&](std::size_t index, std::size_t worker) {
      const ThreadTime time(&seconds_);
      const std::size_t first = index / heads.size() * trial_group;
      workers[worker].run(plan, heads, index % heads.size(), trials, first, sink);
    });
  }

 private:
  unsigned threads() const { return static_cast<unsigned>(workspaces_.size()); }

  std::vector<Spectrum> spectra_of(const MatrixBatch& batch, unsigned workers) {
    std::vector<Spectrum> spectra(batch.size());
    std::size_t share = 1;
    if (method_ != CpuMethod::direct && batch.size() > 0) {
      // As many at once as the lanes take, and the same number of parts for every thread.
      const std::size_t round = matrices_at_once(batch.shape()) * workers,
                        parts = (batch.size() + round - 1) / round * workers;
      share = (batch.size() + parts - 1) / parts;
    }
    for_each_index((batch.size() + share - 1) / share, workers, [&](std::size_t part, std::size_t) {
      const WorkerSlots::Loan worker(slots_);
      const ThreadTime time(&seconds_);
      CpuWorkspace& workspace = workspaces_[worker.slot()];
      const std::size_t first = part * share, count = std::min(share, batch.size() - first);
      switch (method_) {
        case CpuMethod::direct32: return direct32_[worker.slot()].run(batch, first, count, spectra, workspace);
        case CpuMethod::gram: return gram_[worker.slot()].run(batch, first, count, spectra, workspace);
        case CpuMethod::direct: spectra[first] = direct_spectrum(batch, first, workspace);
      }
    });
    return spectra;
  }

  CpuMethod method_;
  std::vector<CpuWorkspace> workspaces_;
  std::vector<CpuDirect32> direct32_;
  std::vector<CpuGram> gram_;
  WorkerSlots slots_;
  std::atomic<double> seconds_ = 0;
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
