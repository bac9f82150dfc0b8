// Blocks of equal heads; two trials of a block under way, one a stream: while one computes, the other's errors are
// judged on the host.
#include "lib/backend/gpu_trials.hpp"

#include <algorithm>
#include <array>
#include <limits>
#include <string>
#include <utility>

#include "lib/backend/gpu_fixed_calls.hpp"
#include "lib/backend/gpu_trial_lane.hpp"
#include "lib/core/error.hpp"

namespace attnspec {
namespace {

constexpr unsigned lanes_of_a_block = 2;
static_assert(lanes_of_a_block <= GpuDevice::streams);

std::size_t lane_bytes(const HeadKind& kind, const TrialPlan& plan, std::size_t held) {
  return lanes_of_a_block * GpuTrialLane::bytes(kind, plan, held);
}

/// A block and how its products are called.
struct Cut {
  std::size_t heads, a_call;

  std::size_t held() const { return in_whole_calls(heads, a_call); }
  std::size_t bytes(const HeadKind& kind, const TrialPlan& plan) const {
    return HeadBlock::bytes(kind, held()) + lane_bytes(kind, plan, held());
  }
  Cut half() const {
    if (heads > a_call) return {std::max(a_call, heads / 2 / a_call * a_call), a_call};
    const std::size_t fewer = std::max<std::size_t>(1, a_call / 2);
    return {std::min(heads, fewer), fewer};
  }
};

/// How many heads of a kind fit. Their calls take a number that the kind decides, where the memory holds one of them.
Cut largest_cut(const HeadKind& kind, const TrialPlan& plan, std::size_t room, std::size_t wanted) {
  constexpr std::size_t most_a_call = 16;  // on an H200 72 heads of n = 512 take a third longer by 32
  const std::size_t most_rows = std::numeric_limits<int>::max() / std::max<std::size_t>(1, kind.queries);
  Cut cut{1, std::min(most_a_call, matrices_a_call({kind.queries, kind.tokens}, false))};
  for (; cut.a_call > 1 && (cut.bytes(kind, plan) > room || cut.a_call > most_rows); cut.a_call /= 2) continue;
  const std::size_t least = cut.bytes(kind, plan);
  if (least > room)
    throw Error(ErrorKind::limit, "a trial of one head takes " + std::to_string((least >> 20) + 1) +
                                      " MiB of the GPU's memory, and what CUDA's libraries leave of the limit is " +
                                      std::to_string(room >> 20) + " MiB (--max-memory-device); or take --device cpu");
  const std::size_t a_call_more = Cut{cut.a_call + 1, cut.a_call}.bytes(kind, plan) - least;
  const std::size_t calls = 1 + (room - least) / a_call_more;
  cut.heads = std::min({wanted, calls * cut.a_call, std::max<std::size_t>(1, most_rows)});
  return cut;
}

bool needs_logits(const Construction& construction) {
  return construction.form == Form::exponential || (construction.form == Form::softmax && construction.e_factor != 0);
}

/// Goes before the lanes do, whose memory the card may still use where something threw.
struct StreamsLeft {
  GpuDevice& device;
  bool under_way = true;
  ~StreamsLeft() {
    for (unsigned stream = 0; under_way && stream < lanes_of_a_block; ++stream) wait_quietly(device, stream);
  }
};

/// All trials of a block. All memory is taken before the first error is handed over.
void try_block(GpuDevice& device, const TrialPlan& plan, const HeadBlock& block, std::size_t place,
               std::span<const ProjectionPair> trials, ErrorSink& sink) {
  std::array<GpuTrialLane, lanes_of_a_block> lanes{GpuTrialLane(device, 0, plan, block, place, sink),
                                                   GpuTrialLane(device, 1, plan, block, place, sink)};
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

std::size_t GpuTrials::room() const { return budget_ - std::min(budget_, device_.library_bytes()); }

std::shared_ptr<const void> GpuTrials::keep(std::span<const Head* const> heads) {
  drop_unkept();
  auto all = std::make_shared<const Heads>(heads.begin(), heads.end());
  kept_.push_back(all);
  return all;
}

/// Another head may lie where one lay that is kept no more.
void GpuTrials::drop_unkept() {
  std::erase_if(kept_, [](const auto& heads) { return heads.expired(); });
  std::erase_if(residents_, [](const Resident& one) { return one.kept.expired(); });
}

std::shared_ptr<const GpuTrials::Heads> GpuTrials::keeper_of(std::span<const Head* const> heads) const {
  for (const auto& one : kept_) {
    auto all = one.lock();
    if (all && std::search(all->begin(), all->end(), heads.begin(), heads.end()) != all->end()) return all;
  }
  return nullptr;
}

/// The first of `heads`, or all, if they are there for calls of as many as they would have if they came now.
const GpuTrials::Resident* GpuTrials::known(std::span<const Head* const> heads, std::size_t a_call) const {
  for (const Resident& one : residents_)
    if (one.block->a_call == a_call && one.heads.size() <= heads.size() &&
        std::equal(one.heads.begin(), one.heads.end(), heads.begin()))
      return &one;
  return nullptr;
}

/// Calls come in rounds: who came last comes last again, and the oldest is wanted next.
bool GpuTrials::make_room(std::size_t bytes, const Resident* but) {
  for (const Resident& one : residents_) bytes += one.block->bytes();
  while (bytes > room() && !residents_.empty() && &residents_.back() != but) {
    bytes -= residents_.back().block->bytes();
    residents_.pop_back();
  }
  return bytes <= room();
}

std::size_t GpuTrials::try_some(const TrialPlan& plan, const HeadKind& kind, std::span<const Head* const> heads,
                                std::size_t place, std::span<const ProjectionPair> trials, ErrorSink& sink) {
  Cut cut = largest_cut(kind, plan, room(), heads.size());
  if (const Resident* found = known(heads, cut.a_call)) {
    try {
      if (make_room(lane_bytes(kind, plan, found->block->held()), found)) {
        try_block(device_, plan, *found->block, place, trials, sink);
        return found->heads.size();
      }
    } catch (const NoRoom&) {  // then as if it were new
    }
    residents_.clear();
  }
  while (true) {
    make_room(cut.bytes(kind, plan));
    try {
      const auto some = heads.first(cut.heads);
      auto block = std::make_unique<HeadBlock>(device_, kind, some, cut.a_call);
      try_block(device_, plan, *block, place, trials, sink);
      if (const auto keeper = keeper_of(some))
        residents_.push_back({keeper, {some.begin(), some.end()}, std::move(block)});
      return cut.heads;
    } catch (const NoRoom&) {
      if (residents_.empty() && cut.heads == 1 && cut.a_call == 1) throw;
      if (residents_.empty()) cut = cut.half();
      residents_.clear();
    }
  }
}

void GpuTrials::operator()(std::span<const Head* const> heads, std::span<const ProjectionPair> trials,
                           std::span<const Construction> constructions, ErrorSink& sink) {
  const TrialPlan plan(constructions);
  drop_unkept();
  try {
    for (std::size_t first = 0; first < heads.size();) {
      const HeadKind kind(*heads[first]);
      std::size_t equal = 1;
      while (first + equal < heads.size() && HeadKind(*heads[first + equal]) == kind) ++equal;
      if (!kind.logits && std::any_of(constructions.begin(), constructions.end(), needs_logits))
        throw Error(ErrorKind::internal, "a softmax or exponential construction on a head without logits");
      first += try_some(plan, kind, heads.subspan(first, equal), first, trials, sink);
    }
  } catch (const GpuFailure&) {
    release();
    throw;
  }
}

}  // namespace attnspec
