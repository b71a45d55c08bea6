#pragma once

#include <vector>

#include "icl/core/parallel.hpp"

namespace icl::bench {

/// How long a number takes from one thread to another: about 30 ns where their cores share a cache,
/// 100 and more where they do not (two chiplets, two sockets), which makes the threads of a run
/// slow. And what it costs threads to share a loop in which there is nothing to do.
class HandOver {
 public:
  /// Round all workers; where there is one alone, nothing is measured.
  explicit HandOver(const Workers& workers) : workers_(workers.unmeasured()) {}

  /// Hands a number round all threads a thousand times, and times fifty rounds at a time, for 20 ms
  /// at most: where threads wait for their turn on a core, it ends with fewer of them, or none.
  /// Then the same with empty loops.
  void measure();

  /// From one thread to the next: the median of all that was timed, in seconds; 0 for none.
  [[nodiscard]] double seconds() const;

  /// Of a loop of as many empty tasks as threads, from its beginning to its end: likewise. At least
  /// what a loop costs, since here no thread has begun to sleep.
  [[nodiscard]] double empty_loop_seconds() const;

 private:
  void measure_empty_loops();

  Workers workers_;
  std::vector<double> measured_;
  std::vector<double> empty_loops_;
};

}  // namespace icl::bench
