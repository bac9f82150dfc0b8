// Walks a dump: projections for all heads of a sample at once, failures counted, verdicts given.
#pragma once

#include <cstddef>
#include <map>
#include <string>
#include <vector>

#include "analysis/matrix_finding.hpp"
#include "analysis/verify_options.hpp"
#include "analysis/verify_row.hpp"
#include "lib/backend/backend.hpp"
#include "lib/core/export.hpp"
#include "lib/dump/attention_dump.hpp"

namespace attnspec {

/// Heads that were on trial together, in the order of the selection.
struct VerifiedBatch {
  std::size_t matrices = 0;                              ///< of the selection, the skipped ones among them
  std::size_t done = 0;                                  ///< put on trial
  std::map<std::string, std::size_t> skipped, warnings;  ///< by kind
  std::vector<VerifyRow> rows;
};

/// Hears of a verification from the thread that called verify().
class ATTNSPEC_API VerifyObserver {
 public:
  virtual ~VerifyObserver();
  /// A batch known from an earlier, interrupted run, if there is another; they come first, in order.
  virtual bool recall(VerifiedBatch&) { return false; }
  virtual void on_batch(const VerifiedBatch&) {}
  virtual void on_finding(const MatrixFinding&) {}
  /// After each group of trials; one unit is one head in one trial. False ends the verification early.
  virtual bool on_progress(std::size_t /*done*/, std::size_t /*total*/) { return true; }
};

struct VerificationResult {
  DumpVerification verification;
  std::size_t matrices = 0;                     ///< selected
  std::size_t done = 0;                         ///< put on trial
  std::map<std::string, std::size_t> skipped;   ///< by kind: how many were left out
  std::map<std::string, std::size_t> warnings;  ///< by kind: how many were tried with a warning
  bool finished = true;                         ///< false where the observer ended it

  ATTNSPEC_API std::size_t skipped_total() const;
};

/// What it will take, before it begins.
struct VerifyCost {
  double flops = 0;                ///< of products
  double exponentials = 0;         ///< of softmax constructions
  double normals = 0;              ///< random numbers
  std::size_t heads_together = 1;  ///< of the largest sample, as memory allows

  /// `flops_per_second`: of one thread's matrix products.
  ATTNSPEC_API double seconds(double flops_per_second, unsigned threads) const;
};

/// How many groups of trials are drawn at once: one, or with few heads enough for every thread as long as their maps
/// stay small.
ATTNSPEC_API std::size_t groups_at_once(std::size_t largest_k, std::size_t tokens, std::size_t heads, unsigned threads);

/// Throws Error(limit) where one head does not fit into options.batch_bytes.
ATTNSPEC_API VerifyCost cost_of(const DumpInfo& info, const VerifyOptions& options);

/// Every (seed, trial) gives the same rows whatever the number of threads, of trials beyond it, or of heads together.
/// Throws what reading and computing throw, Error(input) for a bad matrix under OnBad::error and for values that are
/// not there.
ATTNSPEC_API VerificationResult verify(const AttentionDump& dump, Backend& backend, const VerifyOptions& options,
                                       VerifyObserver& observer);

}  // namespace attnspec
