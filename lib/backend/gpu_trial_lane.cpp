// Products for all heads of the block, in calls of a fixed number of them; errors and their norms by kernels of ours.
#include "lib/backend/gpu_trial_lane.hpp"

#include <algorithm>

#include "lib/backend/gpu_fixed_calls.hpp"

namespace attnspec {
namespace {

std::size_t largest_weighted_k(const TrialPlan& plan) {
  std::size_t most = 0;
  for (const std::size_t c : plan.weighted) most = std::max(most, plan.constructions[c].k);
  return most;
}

/// Of one head: its error, and the norms of it.
std::size_t numbers_given(const HeadKind& kind) { return kind.cells() + kind.width + kind.groups() * kind.queries; }

}  // namespace

GpuTrialLane::GpuTrialLane(GpuDevice& device, unsigned stream, const TrialPlan& plan, const HeadBlock& block,
                           std::size_t place, ErrorSink& sink)
    : device_(device),
      stream_(stream),
      plan_(plan),
      block_(block),
      kind_(block.kind),
      place_(place),
      sink_(sink),
      e_(device, std::max(plan.mixed_rows, plan.key_rows) * kind_.tokens),
      f_(device, plan.projected_rows * kind_.tokens),
      projected_(device, block.held() * plan.projected_rows * kind_.width),
      keys_(device, block.held() * plan.key_rows * kind_.key_cols),
      mixed_(device, block.held() * kind_.tokens * kind_.width),
      outputs_(device, block.held() * kind_.cells()),
      scores_(device, block.held() * kind_.queries * largest_weighted_k(plan)),
      shifts_(device, block.count * kind_.queries),
      sums_(device, block.count * kind_.queries),
      errors_(device, block.count * numbers_given(kind_)),
      errors_on_host_(device, block.count * numbers_given(kind_), true) {}

std::size_t GpuTrialLane::bytes(const HeadKind& kind, const TrialPlan& plan, std::size_t held) {
  constexpr std::size_t arrays = 10;  // that may be empty and take a number all the same
  const std::size_t fixed = (std::max(plan.mixed_rows, plan.key_rows) + plan.projected_rows) * kind.tokens + arrays;
  const std::size_t a_head = plan.projected_rows * kind.width + plan.key_rows * kind.key_cols +
                             kind.tokens * kind.width + kind.cells() + kind.queries * largest_weighted_k(plan) +
                             2 * kind.queries + numbers_given(kind);
  return (fixed + held * a_head) * sizeof(double);
}

/// Of every head; the result's rows lie without gaps. What makes up the last call is of no interest.
void GpuTrialLane::multiply(std::size_t rows, std::size_t cols, std::size_t inner, GpuMatrices a, GpuMatrices b,
                            double* result, double factor, double keep) {
  if (rows * cols == 0 || inner == 0) return;
  multiply_in_calls(device_, stream_, {rows, cols, inner, block_.count, a, b, result, cols, rows * cols, factor, keep},
                    block_.a_call);
}

void GpuTrialLane::begin(std::size_t trial, const ProjectionPair& pair) {
  trial_ = trial;
  next_ = done_ = 0;
  current_ = false;
  weighed_ = nullptr;
  const std::size_t n = kind_.tokens, d = kind_.width, rows = plan_.projected_rows, cols = kind_.key_cols;
  const std::size_t e_rows = std::max(plan_.mixed_rows, plan_.key_rows);
  if (rows > 0) device_.upload(stream_, f_.get(), pair.f->values.data(), rows * n * sizeof(double));
  multiply(rows, d, n, {f_.get(), n, 0}, {block_.columns.get(), d, n * d}, projected_.get());
  e_of_trial_ = pair.e == pair.f ? f_.get() : e_.get();  // E has no more rows than F
  if (e_rows > 0 && pair.e != pair.f)
    device_.upload(stream_, e_.get(), pair.e->values.data(), e_rows * n * sizeof(double));
  multiply(plan_.key_rows, cols, n, {e_of_trial_, n, 0}, {block_.key.get(), cols, n * cols}, keys_.get());
  device_.fill_zero(stream_, mixed_.get(), block_.held() * n * d * sizeof(double));
}

bool GpuTrialLane::step() {
  hand_over();
  if (next_ == plan_.linear.size() + plan_.weighted.size()) return false;
  const bool is_linear = next_ < plan_.linear.size();
  const std::size_t c = is_linear ? plan_.linear[next_] : plan_.weighted[next_ - plan_.linear.size()];
  const Construction& construction = plan_.constructions[c];
  give(c, is_linear ? linear(construction) : weighted(construction));
  ++next_;
  return true;
}

/// P E^T F V; E^T F V only grows with k.
GpuResidual GpuTrialLane::linear(const Construction& construction) {
  const std::size_t n = kind_.tokens, d = kind_.width;
  GpuResidual job;
  job.factor = construction.e_factor * construction.f_factor;
  if (job.factor == 0) return job;
  if (construction.k > done_) {
    multiply(n, d, construction.k - done_, {e_of_trial_ + done_ * n, n, 0, true},
             {projected_.get() + done_ * d, d, plan_.projected_rows * d}, mixed_.get(), 1, 1);
    done_ = construction.k;
    current_ = false;
  }
  if (!current_)
    multiply(kind_.queries, d, n, {block_.attention.get(), n, kind_.queries * n}, {mixed_.get(), d, n * d},
             outputs_.get());
  current_ = true;
  job.outputs = outputs_.get();
  return job;
}

/// Weights exp(A E^T - shift), which the softmax and the exponential form share, times F V.
void GpuTrialLane::weigh(const Construction& construction) {
  const std::size_t k = construction.k, d = kind_.width, queries = kind_.queries, rank = kind_.rank;
  const bool by_keys = kind_.key_cols > 0;
  const GpuMatrices projection{by_keys ? keys_.get() : e_of_trial_, rank, by_keys ? plan_.key_rows * rank : 0, true};
  if (construction.e_factor == 0)
    device_.fill_zero(stream_, scores_.get(), block_.count * queries * k * sizeof(double));
  else
    multiply(queries, k, rank, {block_.query.get(), rank, queries * rank}, projection, scores_.get(),
             construction.e_factor);
  device_.exponentials(stream_, block_.count * queries, k, scores_.get(), shifts_.get(), sums_.get());
  multiply(queries, d, k, {scores_.get(), k, queries * k}, {projected_.get(), d, plan_.projected_rows * d},
           outputs_.get());
}

GpuResidual GpuTrialLane::weighted(const Construction& construction) {
  current_ = false;
  if (weighed_ == nullptr || weighed_->k != construction.k || weighed_->e_factor != construction.e_factor)
    weigh(construction);
  weighed_ = &construction;
  GpuResidual job;
  job.factor = construction.f_factor;
  job.outputs = outputs_.get();
  if (construction.form == Form::softmax) {
    job.sums = sums_.get();
  } else {
    job.shifts = shifts_.get();
    job.log_sums = block_.log_sums.get();
  }
  return job;
}

void GpuTrialLane::give(std::size_t construction, GpuResidual job) {
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
  device_.download(stream_, errors_on_host_.get(), errors_.get(), block_.count * numbers_given(kind_) * sizeof(double));
  pending_ = construction;
}

void GpuTrialLane::hand_over() {
  if (pending_ == nothing) return;
  device_.wait(stream_);
  const std::size_t cells = kind_.cells(), width = kind_.width, rows = kind_.groups() * kind_.queries;
  const double* errors = errors_on_host_.get();
  const double* columns_of = errors + block_.count * cells;
  const double* rows_of = columns_of + block_.count * width;
  for (std::size_t h = 0; h < block_.count; ++h)
    sink_.take(trial_, place_ + h, pending_,
               {{columns_of + h * width, width}, {rows_of + h * rows, rows}, {errors + h * cells, cells}});
  pending_ = nothing;
}

}  // namespace attnspec
