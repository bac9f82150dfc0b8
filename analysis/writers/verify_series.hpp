// The series of a claim's figure: from one row a head to the median head and the range of all.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "analysis/writers/verify_panel.hpp"

namespace attnspec {

/// Which rate of a row a series shows: of the tested column, row or pair; the share of all of them; or what answering
/// zero gives for the tested one.
enum class Rate { tested, share, zero };

/// How a series is found among the rows, and how it looks.
struct SeriesRule {
  std::string reading, construction;
  Rate rate = Rate::tested;
  std::string legend;
  std::string colour;     ///< six hexadecimal digits
  int point = 0;          ///< gnuplot's point type; 0: a line without bars
  double line = 0;        ///< width of the line that joins the series
  std::string dash = {};  ///< of that line, as gnuplot writes it
};

/// The claim's series, what is drawn first standing first. Empty for a name that is no claim.
std::vector<SeriesRule> series_rules(std::string_view claim);

/// "relative/paper", "relative/paper/share": one word.
std::string name_of(const SeriesRule& rule);

struct SeriesPoint {
  std::size_t k = 0, heads = 0;
  double rate = 0;                            ///< of the middle head, the lower of two
  std::optional<double> low = {}, high = {};  ///< its interval; of a share, two standard errors either way
  double least = 0, most = 0;                 ///< over all heads
  std::optional<double> claimed = {}, exact = {};
};

struct Series {
  SeriesRule rule;
  std::vector<SeriesPoint> points;  ///< k rising
};

/// The series that have a point in this panel. A k that stands there under two names counts once; a power of
/// two too close to one of the paper's k's is left to verify.csv.
std::vector<Series> series_of(const VerifyPanel& panel, const std::vector<SeriesRule>& rules);

/// A claimed bound between the k's at which it is known. Every bound of the paper is c e^{-sk}: its logarithm is a
/// straight line, and what lies between two k's is known exactly.
struct BoundPoint {
  double k = 0, bound = 0;
};
std::vector<BoundPoint> bound_curve(const Series& series);

}  // namespace attnspec
