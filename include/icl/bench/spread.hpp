#pragma once

#include <vector>

namespace icl::bench {

/// The quartiles of measured values, interpolated between neighbours; zero for none.
struct Spread {
  double low = 0;
  double median = 0;
  double high = 0;
};
[[nodiscard]] Spread spread(std::vector<double> values);

}  // namespace icl::bench
