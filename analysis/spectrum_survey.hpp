// Walks a dump: a spectrum a matrix, gathered into curves and rank measures.
#pragma once

#include <cstddef>
#include <map>
#include <string>

#include "analysis/matrix_finding.hpp"
#include "analysis/spectrum_summary.hpp"
#include "lib/backend/backend.hpp"
#include "lib/core/export.hpp"
#include "lib/dump/attention_dump.hpp"

namespace attnspec {

/// What to do with a matrix that is no attention.
enum class OnBad {
  error,  ///< stop the run
  skip,   ///< leave it out and count it
  warn    ///< say it, and compute it all the same where its entries are finite
};

struct SurveyOptions {
  Selection selection;
  std::size_t batch_bytes = std::size_t{32} << 20;
  std::size_t index = 0;  ///< where the summary reads a curve; 0: default_index(n)
  OnBad on_bad = OnBad::skip;
  unsigned callers = 1;          ///< threads that read batches and bring them to the backend
  bool spare = false;            ///< the last of them only where the others wait for the file
  unsigned reading_threads = 1;  ///< of each
};

/// A spectrum with what its summary needs beside it.
struct MeasuredSpectrum {
  Spectrum spectrum;
  MatrixShape shape;
  double storage_error = 0;
  std::string finding;  ///< the kind of what was wrong with the matrix; empty where nothing was
};

/// Hears of every matrix, in the order of the selection, from the thread that called survey().
class ATTNSPEC_API SurveyObserver {
 public:
  virtual ~SurveyObserver();
  /// A spectrum known from an earlier, interrupted run, if there is another; they come first, in order.
  virtual bool recall(MeasuredSpectrum&) { return false; }
  virtual void on_spectrum(const MeasuredSpectrum&, bool /*recalled*/) {}
  virtual void on_finding(const MatrixFinding&) {}
  /// After each batch. False ends the survey early.
  virtual bool on_progress(std::size_t /*done*/, std::size_t /*total*/) { return true; }
};

struct SurveyResult {
  DumpSummary summary;
  std::size_t matrices = 0;                     ///< selected
  std::size_t done = 0;                         ///< with a spectrum
  std::map<std::string, std::size_t> skipped;   ///< by kind: how many were left out
  std::map<std::string, std::size_t> warnings;  ///< by kind: how many were computed with a warning
  std::map<std::string, std::size_t> methods;   ///< how many spectra each method found
  double seconds_waiting = 0;                   ///< for input, the mean of the threads
  bool finished = true;                         ///< false where the observer ended it

  ATTNSPEC_API std::size_t skipped_total() const;
};

/// Throws what reading and computing throw, and Error(input) for a bad matrix under OnBad::error.
ATTNSPEC_API SurveyResult survey(const AttentionDump& dump, Backend& backend, const SurveyOptions& options,
                                 SurveyObserver& observer);

}  // namespace attnspec
