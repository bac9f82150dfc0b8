// How Boost.Math is asked: what it can not compute comes back as no number, which the caller refuses. Not installed.
#pragma once

#include <boost/math/policies/policy.hpp>

namespace attnspec {

using Quiet =
    boost::math::policies::policy<boost::math::policies::domain_error<boost::math::policies::ignore_error>,
                                  boost::math::policies::pole_error<boost::math::policies::ignore_error>,
                                  boost::math::policies::overflow_error<boost::math::policies::ignore_error>,
                                  boost::math::policies::evaluation_error<boost::math::policies::ignore_error>>;

}  // namespace attnspec
