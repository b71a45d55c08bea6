#pragma once

#include <vector>

#include "icl/core/parallel.hpp"

namespace icl::bench {

/// How long a number takes from one thread to another: about 30 ns where their cores share a cache,
/// 100 and more where they do not (two chiplets, two sockets), which makes the threads of a run
/// slow.
class HandOver {
 public:
  /// Between the first two of the workers; where there is one alone, nothing is measured.
  explicit HandOver(const Workers& workers) : workers_(workers.unmeasured()) {}

  /// Hands a number to and fro a thousand times, and times fifty at a time. It ends early where the
  /// other thread does not answer, as one that waits for its turn on a busy machine.
  void measure();

  /// One way, the median of all fifties, in seconds; 0 for none.
  [[nodiscard]] double seconds() const;

 private:
  Workers workers_;
  std::vector<double> measured_;
};

}  // namespace icl::bench
