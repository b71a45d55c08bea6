#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "icl/core/parallel.hpp"
#include "icl/core/tensor.hpp"

namespace icl::bench {

/// The rate of C = A B in float, with each worker busy on a product of its own.
struct GemmRate {
  std::string library;   ///< "OpenBLAS" or "oneDNN"
  std::int64_t m, n, k;  ///< A [m, k], B [k, n]
  double gflops = 0;     ///< 10^9 floating-point operations a second, of all workers together
};

/// What the machine can do at best: the products of three large shapes, measured several times and
/// the fastest kept, since other work on the machine can only slow them down. oneDNN is measured
/// beside OpenBLAS where its library can be loaded.
class GemmPeak {
 public:
  explicit GemmPeak(const Workers& workers);

  /// Runs each product once: about 20 GFLOP a worker and library.
  void measure();

  [[nodiscard]] const std::vector<GemmRate>& rates() const { return rates_; }
  /// The highest rate of a library in GFLOP/s; 0 if it was not measured.
  [[nodiscard]] double best(const std::string& library) const;

 private:
  Workers workers_;
  Tensor a_, b_, c_;
  std::vector<GemmRate> rates_;
};

}  // namespace icl::bench
