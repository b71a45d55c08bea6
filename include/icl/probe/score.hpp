#pragma once

#include <limits>

namespace icl::probe {

/// Means over some sequences; NaN where there were none.
struct Score {
  double loss = std::numeric_limits<double>::quiet_NaN();      ///< of nn::Loss
  double accuracy = std::numeric_limits<double>::quiet_NaN();  ///< share of right answers
};

/// Mean and standard deviation over sequences.
struct Spread {
  double mean = std::numeric_limits<double>::quiet_NaN();
  double deviation = std::numeric_limits<double>::quiet_NaN();
};

}  // namespace icl::probe
