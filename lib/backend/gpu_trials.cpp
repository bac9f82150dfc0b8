// A block of equal heads on the card; two trials under way, one a stream: while one computes, the other's errors are
// judged on the host.
#include "lib/backend/gpu_trials.hpp"

#include <algorithm>
#include <array>
#include <limits>
#include <string>
#include <vector>

#include "lib/backend/gpu_head_block.hpp"
#include "lib/backend/trial_plan.hpp"
#include "lib/core/error.hpp"

namespace attnspec {
namespace {

std::size_t largest_weighted_k(const TrialPlan& plan) {
  std::size_t most = 0;
  for (const std::size_t c : plan.weighted) most = std::max(most, plan.constructions[c].k);
  return most;
}

/// One stream: a trial of all heads of a block, a construction at a time.
class TrialLane {
 public:
  TrialLane(GpuDevice& device, unsigned stream, const TrialPlan& plan, const HeadBlock& block, ErrorSink& sink)
      : device_(device),
        stream_(stream),
        plan_(plan),
        block_(block),
        kind_(block.kind),
        sink_(sink),
        e_(device, std::max(plan.mixed_rows, plan.key_rows) * kind_.tokens),
        f_(device, plan.projected_rows * kind_.tokens),
        projected_(device, block.count * plan.projected_rows * kind_.width),
        keys_(device, block.count * plan.key_rows * kind_.key_cols),
        mixed_(device, block.count * kind_.tokens * kind_.width),
        outputs_(device, block.count * kind_.cells()),
        scores_(device, block.count * kind_.queries * largest_weighted_k(plan)),
        shifts_(device, block.count * kind_.queries),
        sums_(device, block.count * kind_.queries),
        errors_(device, block.count * numbers_given(kind_)),
        errors_on_host_(device, block.count * numbers_given(kind_), true) {}

  TrialLane(const TrialLane&) = delete;
  TrialLane& operator=(const TrialLane&) = delete;

  static std::size_t numbers(const HeadKind& kind, const TrialPlan& plan) {
    return plan.projected_rows * kind.width + plan.key_rows * kind.key_cols + kind.tokens * kind.width + kind.cells() +
           kind.queries * largest_weighted_k(plan) + 2 * kind.queries + numbers_given(kind);
  }
  static std::size_t fixed_numbers(const HeadKind& kind, const TrialPlan& plan) {
    return (std::max(plan.mixed_rows, plan.key_rows) + plan.projected_rows) * kind.tokens;
  }

  /// F V and, for softmax constructions, E K.
  void begin(std::size_t trial, const ProjectionPair& pair) {
    trial_ = trial;
    next_ = done_ = 0;
    current_ = false;
    weighed_ = nullptr;
    const std::size_t n = kind_.tokens, d = kind_.width, rows = plan_.projected_rows;
    const std::size_t e_rows = std::max(plan_.mixed_rows, plan_.key_rows);
    if (rows > 0) {
      device_.upload(stream_, f_.get(), pair.f->values.data(), rows * n * sizeof(double));
      multiply({rows,
                d,
                n,
                block_.count,
                {f_.get(), n, 0, false},
                {block_.columns.get(), d, n * d, false},
                projected_.get(),
                d,
                rows * d});
    }
    e_of_trial_ = pair.e == pair.f ? f_.get() : e_.get();  // E has no more rows than F
    if (e_rows > 0 && pair.e != pair.f)
      device_.upload(stream_, e_.get(), pair.e->values.data(), e_rows * n * sizeof(double));
    if (plan_.key_rows > 0 && kind_.key_cols > 0)
      multiply({plan_.key_rows,
                kind_.key_cols,
                n,
                block_.count,
                {e_of_trial_, n, 0, false},
                {block_.key.get(), kind_.key_cols, n * kind_.key_cols, false},
                keys_.get(),
                kind_.key_cols,
                plan_.key_rows * kind_.key_cols});
    device_.fill_zero(stream_, mixed_.get(), block_.count * n * d * sizeof(double));
  }

  /// Hands over the last construction's errors and queues the next one; false once all are handed over.
  bool step() {
    hand_over();
    if (next_ == plan_.linear.size() + plan_.weighted.size()) return false;
    const bool is_linear = next_ < plan_.linear.size();
    const std::size_t c = is_linear ? plan_.linear[next_] : plan_.weighted[next_ - plan_.linear.size()];
    const Construction& construction = plan_.constructions[c];
    give(c, is_linear ? linear(construction) : weighted(construction));
    ++next_;
    return true;
  }

 private:
  static constexpr std::size_t nothing = static_cast<std::size_t>(-1);

  /// Of one head: its error, and the norms of it.
  static std::size_t numbers_given(const HeadKind& kind) {
    return kind.cells() + kind.width + kind.groups() * kind.queries;
  }

  void multiply(const GpuProduct& product) {
    if (product.rows * product.cols > 0 && product.inner > 0) device_.multiply(stream_, product);
  }

  /// P E^T F V; E^T F V only grows with k.
  GpuResidual linear(const Construction& construction) {
    const std::size_t n = kind_.tokens, d = kind_.width;
    const double factor = construction.e_factor * construction.f_factor;
    GpuResidual job;
    job.factor = factor;
    if (factor == 0) return job;
    if (construction.k > done_) {
      multiply({n,
                d,
                construction.k - done_,
                block_.count,
                {e_of_trial_ + done_ * n, n, 0, true},
                {projected_.get() + done_ * d, d, plan_.projected_rows * d, false},
                mixed_.get(),
                d,
                n * d,
                1,
                1});
      done_ = construction.k;
      current_ = false;
    }
    if (!current_)
      multiply({kind_.queries,
                d,
                n,
                block_.count,
                {block_.attention.get(), n, kind_.queries * n, false},
                {mixed_.get(), d, n * d, false},
                outputs_.get(),
                d,
                kind_.cells()});
    current_ = true;
    job.outputs = outputs_.get();
    return job;
  }

  /// Weights exp(A E^T - shift), which the softmax and the exponential form share, times F V.
  void weigh(const Construction& construction) {
    const std::size_t k = construction.k, d = kind_.width, queries = kind_.queries, rank = kind_.rank;
    if (construction.e_factor == 0) {
      device_.fill_zero(stream_, scores_.get(), block_.count * queries * k * sizeof(double));
    } else {
      const bool by_keys = kind_.key_cols > 0;
      const GpuMatrices projection{by_keys ? keys_.get() : e_of_trial_, rank, by_keys ? plan_.key_rows * rank : 0,
                                   true};
      multiply({queries,
                k,
                rank,
                block_.count,
                {block_.query.get(), rank, queries * rank, false},
                projection,
                scores_.get(),
                k,
                queries * k,
                construction.e_factor,
                0});
    }
    device_.exponentials(stream_, block_.count * queries, k, scores_.get(), shifts_.get(), sums_.get());
    multiply({queries,
              d,
              k,
              block_.count,
              {scores_.get(), k, queries * k, false},
              {projected_.get(), d, plan_.projected_rows * d, false},
              outputs_.get(),
              d,
              kind_.cells()});
  }

  GpuResidual weighted(const Construction& construction) {
    current_ = false;
    GpuResidual job;
    job.factor = construction.f_factor;
    if (weighed_ == nullptr || weighed_->k != construction.k || weighed_->e_factor != construction.e_factor)
      weigh(construction);
    weighed_ = &construction;
    job.outputs = outputs_.get();
    if (construction.form == Form::softmax) {
      job.sums = sums_.get();
    } else {
      job.shifts = shifts_.get();
      job.log_sums = block_.log_sums.get();
    }
    return job;
  }

  void give(std::size_t construction, GpuResidual job) {
    const std::size_t cells = block_.count * kind_.cells(), columns = block_.count * kind_.width;
    job.heads = block_.count;
    job.queries = kind_.queries;
    job.width = kind_.width;
    job.groups = kind_.groups();
    job.targets = block_.targets.get();
    job.group_ends = block_.group_ends.get();
    job.errors = errors_.get();
    job.columns = errors_.get() + cells;
    job.rows = errors_.get() + cells + columns;
    device_.residuals(stream_, job);
    device_.download(stream_, errors_on_host_.get(), errors_.get(),
                     block_.count * numbers_given(kind_) * sizeof(double));
    pending_ = construction;
  }

  void hand_over() {
    if (pending_ == nothing) return;
    device_.wait(stream_);
    const std::size_t cells = kind_.cells(), width = kind_.width, rows = kind_.groups() * kind_.queries;
    const double* errors = errors_on_host_.get();
    const double* columns_of = errors + block_.count * cells;
    const double* rows_of = columns_of + block_.count * width;
    for (std::size_t h = 0; h < block_.count; ++h)
      sink_.take(trial_, block_.first + h, pending_,
                 {{columns_of + h * width, width}, {rows_of + h * rows, rows}, {errors + h * cells, cells}});
    pending_ = nothing;
  }

  GpuDevice& device_;
  const unsigned stream_;
  const TrialPlan& plan_;
  const HeadBlock& block_;
  const HeadKind& kind_;
  ErrorSink& sink_;
  const Numbers e_, f_, projected_, keys_, mixed_, outputs_, scores_, shifts_, sums_, errors_, errors_on_host_;
  const double* e_of_trial_ = nullptr;
  std::size_t trial_ = 0, next_ = 0, done_ = 0, pending_ = nothing;
  bool current_ = false;  ///< outputs_ hold P times mixed_
  const Construction* weighed_ = nullptr;
};

/// How many heads of a kind fit.
std::size_t heads_that_fit(const HeadKind& kind, const TrialPlan& plan, std::size_t budget, std::size_t of_libraries,
                           std::size_t wanted) {
  constexpr std::size_t arrays = 32;  // at most, that are empty and take a number all the same
  const std::size_t fixed =
      of_libraries +
      (GpuDevice::streams * TrialLane::fixed_numbers(kind, plan) + kind.groups() + arrays) * sizeof(double);
  const std::size_t a_head =
      (HeadBlock::resident(kind) + GpuDevice::streams * TrialLane::numbers(kind, plan)) * sizeof(double);
  constexpr std::size_t most_heads = 65535, most_rows = std::numeric_limits<int>::max();  // of a launch
  const std::size_t most = std::min({wanted, most_heads, most_rows / std::max<std::size_t>(1, kind.queries)});
  const std::size_t fits = budget < fixed ? 0 : std::min(most, (budget - fixed) / a_head);
  if (fits == 0)
    throw Error(ErrorKind::limit, "a trial of one head takes " + std::to_string(((fixed + a_head) >> 20) + 1) +
                                      " MiB of the GPU's memory, and it may use " + std::to_string(budget >> 20) +
                                      " MiB (--max-memory-device); or take --device cpu");
  return fits;
}

bool needs_logits(const Construction& construction) {
  return construction.form == Form::exponential || (construction.form == Form::softmax && construction.e_factor != 0);
}

/// Goes before the lanes do, whose memory the card may still use where something threw.
struct StreamsLeft {
  GpuDevice& device;
  bool under_way = true;
  ~StreamsLeft() {
    for (unsigned stream = 0; under_way && stream < GpuDevice::streams; ++stream) wait_quietly(device, stream);
  }
};

/// All trials of `heads`, which are of one kind and fit together.
void try_block(GpuDevice& device, const TrialPlan& plan, const HeadKind& kind, std::span<const Head* const> heads,
               std::size_t place, std::span<const ProjectionPair> trials, ErrorSink& sink) {
  const HeadBlock block(device, kind, heads, place);
  std::array<TrialLane, GpuDevice::streams> lanes{TrialLane(device, 0, plan, block, sink),
                                                  TrialLane(device, 1, plan, block, sink)};
  StreamsLeft left{device};
  for (std::size_t t = 0; t < trials.size(); t += lanes.size()) {
    const std::size_t under_way = std::min(lanes.size(), trials.size() - t);
    for (std::size_t lane = 0; lane < under_way; ++lane) lanes[lane].begin(t + lane, trials[t + lane]);
    for (bool more = true; more;) {
      more = false;
      for (std::size_t lane = 0; lane < under_way; ++lane) more = lanes[lane].step() || more;
    }
  }
  left.under_way = false;  // every error was waited for
}

}  // namespace

void gpu_output_errors(GpuDevice& device, std::size_t budget, std::span<const Head* const> heads,
                       std::span<const ProjectionPair> trials, std::span<const Construction> constructions,
                       ErrorSink& sink) {
  const TrialPlan plan(constructions);
  for (std::size_t first = 0; first < heads.size();) {
    const HeadKind kind(*heads[first]);
    std::size_t equal = 1;
    while (first + equal < heads.size() && HeadKind(*heads[first + equal]) == kind) ++equal;
    if (!kind.logits && std::any_of(constructions.begin(), constructions.end(), needs_logits))
      throw Error(ErrorKind::internal, "a softmax or exponential construction on a head without logits");
    std::size_t count = heads_that_fit(kind, plan, budget, device.library_bytes(), equal);
    while (true) {
      try {  // all memory is taken before the first error is handed over
        try_block(device, plan, kind, heads.subspan(first, count), first, trials, sink);
        break;
      } catch (const NoRoom&) {
        if (count == 1) throw;
        count /= 2;
      }
    }
    first += count;
  }
}

}  // namespace attnspec
