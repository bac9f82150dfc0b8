// One stream of the card: a trial of all heads of a block, a construction at a time.
#pragma once

#include <cstddef>

#include "lib/backend/gpu_head_block.hpp"
#include "lib/backend/trial_plan.hpp"
#include "lib/core/construction.hpp"
#include "lib/core/head.hpp"

namespace attnspec {

class GpuTrialLane {
 public:
  /// `place` of the block's first head in the caller's list. Throws NoRoom.
  GpuTrialLane(GpuDevice& device, unsigned stream, const TrialPlan& plan, const HeadBlock& block, std::size_t place,
               ErrorSink& sink);
  GpuTrialLane(const GpuTrialLane&) = delete;
  GpuTrialLane& operator=(const GpuTrialLane&) = delete;

  /// Of the card's memory, for a block that holds so many heads.
  static std::size_t bytes(const HeadKind& kind, const TrialPlan& plan, std::size_t held);

  /// F V and, for softmax constructions, E K.
  void begin(std::size_t trial, const ProjectionPair& pair);

  /// Hands over the last construction's errors and queues the next one; false once all are handed over.
  bool step();

 private:
  static constexpr std::size_t nothing = static_cast<std::size_t>(-1);

  void multiply(std::size_t rows, std::size_t cols, std::size_t inner, GpuMatrices a, GpuMatrices b, double* result,
                double factor = 1, double keep = 0);
  GpuResidual linear(const Construction& construction);
  GpuResidual weighted(const Construction& construction);
  void weigh(const Construction& construction);
  void give(std::size_t construction, GpuResidual job);
  void hand_over();

  GpuDevice& device_;
  const unsigned stream_;
  const TrialPlan& plan_;
  const HeadBlock& block_;
  const HeadKind& kind_;
  const std::size_t place_;
  ErrorSink& sink_;
  const Numbers e_, f_, projected_, keys_, mixed_, outputs_, scores_, shifts_, sums_, errors_, errors_on_host_;
  const double* e_of_trial_ = nullptr;
  std::size_t trial_ = 0, next_ = 0, done_ = 0, pending_ = nothing;
  bool current_ = false;  ///< outputs_ hold P times mixed_
  const Construction* weighed_ = nullptr;
};

}  // namespace attnspec
