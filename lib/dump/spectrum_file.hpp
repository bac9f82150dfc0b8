// spectrum.h5: every singular value of a run, written as it comes.
#pragma once

#include <memory>
#include <string>

#include "lib/core/export.hpp"
#include "lib/core/spectrum.hpp"
#include "lib/dump/attention_dump.hpp"

namespace attnspec {

/// /sigma [samples, layers, heads, n] float64, NaN where skipped or past a sample's number of values; /length
/// [samples]; of each matrix [samples, layers, heads] /status as SvdStatus counts, -1 where nothing was computed,
/// /method, which the attribute method_names names, and /error_bound, how far a sigma may be off; /samples, /layers,
/// /heads say which of the dump they are. With several dumps each has a group of its own: /dump0/sigma, ...
class ATTNSPEC_API SpectrumFile {
 public:
  /// Throws Error(output) where the file can not be made.
  explicit SpectrumFile(const std::string& file);
  ~SpectrumFile();

  /// What follows belongs to this selection of this dump; `group` is "" or "/dump0".
  void begin_dump(const std::string& group, const DumpInfo& info, const Selection& selection);
  void add(const Spectrum& spectrum);
  /// Stores the run's manifest and gives the file its name. Without it nothing stays. Throws Error(output).
  void finish(const std::string& manifest);

 private:
  struct Open;
  std::unique_ptr<Open> open_;
};

}  // namespace attnspec
