#pragma once

#include <cstddef>
#include <vector>

namespace icl {

/// How many of a run's threads work, chosen while it runs by what a step costs: beside neighbours
/// that take the cores, or where a step is so short that waking others costs more than they do,
/// fewer threads are faster. The number changes no bit (see Workers), only the time.
///
/// At the start every number of threads, 2^-i of all of them, is timed for a tenth of a second or a
/// few steps; later, every 10 s or more (so that timing what is slower costs at most about a
/// hundredth of the time), the next smaller and larger one beside the one in force, and at once
/// when a step takes much longer than it did. Knows no clock: it is told what steps took.
class Pace {
 public:
  /// threads >= 1: the most.
  explicit Pace(int threads);

  /// How many threads the next step is to use.
  [[nodiscard]] int threads() const { return levels_[round_[at_]]; }
  /// How many it has settled on; while others are timed, what was chosen last.
  [[nodiscard]] int chosen() const { return levels_[level_]; }

  /// A step with threads() threads took that many seconds.
  void stepped(double seconds);

 private:
  struct Timing {
    double seconds = 0;
    double steps = 0;
  };

  void begin_round();
  void decide();

  std::vector<int> levels_;         ///< numbers of threads: all, half, ... 1
  std::size_t level_ = 0;           ///< the one chosen
  std::vector<std::size_t> round_;  ///< levels to time, one after the other
  std::size_t at_ = 0;              ///< which of them is being timed
  std::vector<Timing> timings_;     ///< of each level, in this round
  Timing window_;                   ///< of the level that is being timed
  bool warming_up_ = true;          ///< the first window counts for nothing
  double usual_ = 0;                ///< seconds of a step, when the number was chosen
  bool holding_ = false;            ///< between two rounds
  double rest_ = 0;                 ///< seconds until the next round
  double held_ = 0;                 ///< seconds since the last one
  bool larger_next_ = false;        ///< which neighbour the next round looks at
};

}  // namespace icl
