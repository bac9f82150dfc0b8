// Clopper-Pearson: the rates at which so many failures, or so few, would just be surprising.
#include "lib/theory/proportion.hpp"

#include <cmath>
#include <string>

#include <boost/math/special_functions/beta.hpp>

#include "lib/core/error.hpp"
#include "lib/theory/quiet_policy.hpp"

namespace attnspec {
namespace {

[[noreturn]] void refuse(std::size_t failures, std::size_t trials, double confidence) {
  throw Error(ErrorKind::internal, "no interval for " + std::to_string(failures) + " failures in " +
                                       std::to_string(trials) + " trials at confidence " + std::to_string(confidence));
}

}  // namespace

Interval clopper_pearson(std::size_t failures, std::size_t trials, double confidence) {
  if (trials == 0 || failures > trials || !(confidence > 0 && confidence < 1)) refuse(failures, trials, confidence);
  const auto failed = static_cast<double>(failures), all = static_cast<double>(trials);
  const double surprise = (1 - confidence) / 2;
  Interval interval{0, 1};
  // At the borders the beta quantile is a power.
  if (failures == trials)
    interval.low = std::exp(std::log(surprise) / all);
  else if (failures > 0)
    interval.low = boost::math::ibeta_inv(failed, all - failed + 1, surprise, Quiet());
  if (failures == 0)
    interval.high = -std::expm1(std::log(surprise) / all);
  else if (failures < trials)
    interval.high = boost::math::ibetac_inv(failed + 1, all - failed, surprise, Quiet());
  if (!(0 <= interval.low && interval.low <= interval.high && interval.high <= 1)) refuse(failures, trials, confidence);
  return interval;
}

}  // namespace attnspec
