#pragma once

#include <limits>

namespace icl::probe {

/// Means over some sequences; NaN where there were none.
struct Score {
  double loss = std::numeric_limits<double>::quiet_NaN();      ///< of softplus(-y z), in nats
  double accuracy = std::numeric_limits<double>::quiet_NaN();  ///< share with y z > 0
};

/// Mean and standard deviation over sequences.
struct Spread {
  double mean = std::numeric_limits<double>::quiet_NaN();
  double deviation = std::numeric_limits<double>::quiet_NaN();
};

}  // namespace icl::probe
