#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

#include "icl/probe/reading.hpp"
#include "icl/probe/score.hpp"
#include "icl/task/evaluation_set.hpp"

namespace icl::train {

using probe::Score;

/// What is measured after `step` updates.
struct Evaluation {
  std::int64_t step = 0;
  Score train;  ///< over the batches since the evaluation before; at step 0 over the first batch
  std::vector<Score> sets{task::evaluation_sets.size()};  ///< of task::sets_of(), NaN of those that
                                                          ///< the task does not have
  probe::Reading probes;

  [[nodiscard]] const Score& on(task::Role role) const { return sets.at(task::set_in(role)); }
  [[nodiscard]] const Score& on(std::string_view set) const {
    return sets.at(task::set_called(set));
  }
};

}  // namespace icl::train
