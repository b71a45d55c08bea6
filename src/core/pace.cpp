#include "icl/core/pace.hpp"

#include <algorithm>
#include <numeric>
#include <utility>

namespace icl {
namespace {

// A window is long enough to see some turns of a neighbour, which are a few milliseconds each.
constexpr double window_seconds = 0.1;
constexpr double window_steps = 3;
constexpr double first_hold_seconds = 0.25;
constexpr double longest_hold_seconds = 8;
constexpr double hold_windows = 100;  // what is timed is at most about a hundredth of the time
constexpr double clearly_faster = 0.95;

}  // namespace

Pace::Pace(int threads) : hold_(first_hold_seconds) {
  for (int n = threads; n > 1; n /= 2) levels_.push_back(n);
  levels_.push_back(1);
  timings_.resize(levels_.size());
  round_.resize(levels_.size());
  std::iota(round_.begin(), round_.end(), std::size_t{0});
}

void Pace::stepped(double seconds) {
  if (levels_.size() == 1) return;
  if (holding_) {
    rest_ -= seconds;
    if (rest_ <= 0) begin_round();
    return;
  }
  window_.seconds += seconds;
  window_.steps += 1;
  if (window_.seconds < window_seconds || window_.steps < window_steps) return;
  const Timing window = std::exchange(window_, {});
  if (std::exchange(warming_up_, false)) return;
  Timing& timing = timings_[round_[at_]];
  timing.seconds += window.seconds;
  timing.steps += window.steps;
  if (++at_ == round_.size()) decide();
}

void Pace::begin_round() {
  holding_ = false;
  std::ranges::fill(timings_, Timing{});
  const bool can_grow = level_ > 0;
  const bool can_shrink = level_ + 1 < levels_.size();
  const bool grow = can_grow && (larger_next_ || !can_shrink);
  larger_next_ = !grow;
  round_ = {level_, grow ? level_ - 1 : level_ + 1, level_};
  at_ = 0;
}

void Pace::decide() {
  const auto cost = [&](std::size_t level) {
    return timings_[level].seconds / timings_[level].steps;
  };
  double longest = 0;
  std::size_t best = level_;
  for (const std::size_t level : round_) {
    longest = std::max(longest, timings_[level].seconds);
    const bool better =
        best == level_ ? cost(level) < clearly_faster * cost(level_) : cost(level) < cost(best);
    if (better) best = level;
  }
  hold_ = best == level_ ? std::min(2 * hold_, longest_hold_seconds) : first_hold_seconds;
  level_ = best;
  round_ = {level_};
  at_ = 0;
  holding_ = true;
  rest_ = std::max(hold_, hold_windows * longest);
}

}  // namespace icl
