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
  /// 10^9 floating-point operations a second of all workers together, once for each measurement.
  std::vector<double> gflops;

  [[nodiscard]] double median() const;
};

/// What the machine can do: the products of three large shapes, measured several times. oneDNN is
/// measured beside OpenBLAS where its library can be loaded.
class GemmPeak {
 public:
  explicit GemmPeak(const Workers& workers);

  /// Runs each product once: about 20 GFLOP a worker and library.
  void measure();

  [[nodiscard]] const std::vector<GemmRate>& rates() const { return rates_; }
  /// A library's rate for the shape that suits it best, in GFLOP/s: the highest median over shapes,
  /// as a step's time is a median too; 0 if it was not measured.
  [[nodiscard]] double peak(const std::string& library) const;

 private:
  Workers workers_;
  Tensor a_, b_, c_;
  std::vector<GemmRate> rates_;
};

}  // namespace icl::bench
