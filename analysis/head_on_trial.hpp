// A head as the theorems see it: P, the columns w to test, the norms that errors are held against.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "analysis/head_logits.hpp"
#include "analysis/verify_options.hpp"
#include "lib/backend/backend.hpp"
#include "lib/core/export.hpp"
#include "lib/core/head.hpp"
#include "lib/dump/head_reader.hpp"

namespace attnspec {

/// One kind of columns w: those of V, standard normals, or ones.
struct ColumnFacts {
  std::string kind;  ///< "value", "gaussian", "ones"
  ColumnRange range;
  double norm = 0, spectral_norm = 0, target_norm = 0;  ///< |V|_F, |V|_2, |PV|_F
  double rho = 0;                                       ///< |P|_F |V|_F / |PV|_F
  std::vector<double> column_norms, target_norms;       ///< |w| and |Pw|, one a column
  std::vector<double> row_target_norms;                 ///< |(PV)_i|, one a row
  std::size_t tested_column = 0;                        ///< of the range: the one with the largest rho
  std::size_t rowwise_column = 0;                       ///< the one with the largest |cosine| with a row of P
  double largest_cosine = 0;                            ///< that |cosine|
  std::size_t tested_row = 0;                           ///< the one with the largest |(PV)_i| / |p_i|
  std::vector<double> variances;                        ///< squared singular values of V
  Matrix directions;                                    ///< its right singular vectors as rows
};

struct HeadOnTrial {
  Head head;
  std::vector<ColumnFacts> columns;
  std::vector<double> row_norms;  ///< |p_i|
  double attention_norm = 0;      ///< |P|_F
  std::string logits_source, no_logits_reason;
  double largest_logit_row = 0;  ///< at least the norm of any row of A
};

/// Number of Gaussian columns that are tested where they are asked for.
inline constexpr std::size_t gaussian_columns = 8;

/// The kinds of columns that a dump gives: as asked for, else value, else gaussian and ones.
/// Throws Error(input) where values are asked for and the dump has none.
ATTNSPEC_API std::vector<std::string> column_kinds(const DumpInfo& info, const std::set<std::string>& asked);

/// d of the paper's formulas: head_dim, else the width of the values; 0 where neither is known.
ATTNSPEC_API std::size_t head_dimension(const DumpInfo& info);

/// `with_logits`: Theorem 2 will ask for them.
ATTNSPEC_API HeadOnTrial put_on_trial(const DumpInfo& info, const HeadInputs& inputs,
                                      const std::vector<std::string>& kinds, bool with_logits, std::uint64_t seed,
                                      Backend& backend);

/// The Gaussian columns w for sequences of n tokens, [n, gaussian_columns]: rows of the map of the last trial number.
ATTNSPEC_API Matrix gaussian_columns_of(std::size_t n, std::uint64_t seed);

}  // namespace attnspec
