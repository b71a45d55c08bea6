#pragma once

#include <cstddef>
#include <cstdint>
#include <limits>
#include <span>
#include <string_view>
#include <vector>

#include "icl/probe/reading.hpp"
#include "icl/probe/score.hpp"
#include "icl/task/evaluation_set.hpp"

namespace icl::train {

using probe::Score;

/// Of an ideal observer, on the sequences of an evaluation set.
struct ObserverScore {
  /// Its own loss, that of the model's: mean of -ln q(l), l the answer's label, or of (v^ - v)^2.
  double loss = std::numeric_limits<double>::quiet_NaN();
  /// How far the model's answers p are from its answers q: the mean Kullback-Leibler divergence
  /// sum over labels of q ln(q/p), or mean square of their difference.
  double distance = std::numeric_limits<double>::quiet_NaN();
};

/// What is measured after `step` updates.
struct Evaluation {
  std::int64_t step = 0;
  Score train;  ///< over the batches since the evaluation before; at step 0 over the first batch
  std::vector<Score> sets{task::evaluation_sets.size()};  ///< of task::sets_of(), NaN of those that
                                                          ///< the task does not have
  std::vector<ObserverScore> observers;                   ///< [sets, observers of record.observers]
  probe::Reading probes;

  [[nodiscard]] std::span<ObserverScore> observers_on(std::size_t set) {
    const std::size_t count = observers.size() / sets.size();
    return std::span(observers).subspan(set * count, count);
  }

  [[nodiscard]] const Score& on(task::Role role) const { return sets.at(task::set_in(role)); }
  [[nodiscard]] const Score& on(std::string_view set) const {
    return sets.at(task::set_called(set));
  }
};

}  // namespace icl::train
