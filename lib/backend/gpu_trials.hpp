// Projection trials on a card: heads stay there, R comes from the host, errors and their norms go back.
#pragma once

#include <cstddef>
#include <memory>
#include <span>
#include <vector>

#include "lib/backend/gpu_device.hpp"
#include "lib/backend/gpu_head_block.hpp"
#include "lib/backend/trial_plan.hpp"
#include "lib/core/construction.hpp"
#include "lib/core/export.hpp"
#include "lib/core/head.hpp"

namespace attnspec {

class ATTNSPEC_API GpuTrials {
 public:
  /// Within `budget` bytes of the card's memory, with what its libraries take.
  GpuTrials(GpuDevice& device, std::size_t budget) : device_(device), budget_(budget) {}
  GpuTrials(const GpuTrials&) = delete;
  GpuTrials& operator=(const GpuTrials&) = delete;

  /// As Backend::output_errors. Heads of one shape are worked on together, as many as fit. Throws Error(limit) where
  /// not one does; GpuFailure where the card fails.
  void operator()(std::span<const Head* const> heads, std::span<const ProjectionPair> trials,
                  std::span<const Construction> constructions, ErrorSink& sink);

  /// As Backend::keep: such heads stay on the card from one call to the next, where they fit beside the others.
  std::shared_ptr<const void> keep(std::span<const Head* const> heads);

  /// Nothing of the card's memory is held any more, until the next call.
  void release() { residents_.clear(); }

 private:
  using Heads = std::vector<const Head*>;
  struct Resident {
    std::weak_ptr<const Heads> kept;
    Heads heads;
    std::unique_ptr<HeadBlock> block;
  };

  std::size_t room() const;
  void drop_unkept();
  const Resident* known(std::span<const Head* const> heads, std::size_t a_call) const;
  std::shared_ptr<const Heads> keeper_of(std::span<const Head* const> heads) const;
  bool make_room(std::size_t bytes, const Resident* but = nullptr);
  std::size_t try_some(const TrialPlan& plan, const HeadKind& kind, std::span<const Head* const> heads,
                       std::size_t place, std::span<const ProjectionPair> trials, ErrorSink& sink);

  GpuDevice& device_;
  std::size_t budget_;
  std::vector<std::weak_ptr<const Heads>> kept_;
  std::vector<Resident> residents_;  ///< the oldest first
};

}  // namespace attnspec
