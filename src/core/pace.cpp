#include "icl/core/pace.hpp"

#include <algorithm>
#include <numeric>
#include <utility>

namespace icl {
namespace {

// A window is long enough to see some turns of a neighbour, which are a few milliseconds each.
constexpr double window_seconds = 0.1;
constexpr double window_steps = 3;
constexpr double hold_windows = 100;  // what is timed is at most about a hundredth of the time
constexpr double least_windows = 10;  // between two rounds, however steps slow down
constexpr double clearly_faster = 0.95;
constexpr double much_slower = 1.7;

}  // namespace

Pace::Pace(int threads) {
  for (int n = threads; n > 1; n /= 2) levels_.push_back(n);
  levels_.push_back(1);
  timings_.resize(levels_.size());
  round_.resize(levels_.size());
  std::iota(round_.begin(), round_.end(), std::size_t{0});
}

void Pace::stepped(double seconds) {
  if (levels_.size() == 1) return;
  window_.seconds += seconds;
  window_.steps += 1;
  if (window_.seconds < window_seconds || window_.steps < window_steps) return;
  const Timing window = std::exchange(window_, {});
  if (holding_) {
    held_ += window.seconds;
    const bool slow = window.seconds > much_slower * usual_ * window.steps;
    if (held_ >= rest_ || (slow && held_ >= least_windows * window_seconds)) begin_round();
    return;
  }
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
  level_ = best;
  usual_ = cost(level_);
  round_ = {level_};
  at_ = 0;
  holding_ = true;
  rest_ = hold_windows * longest;
  held_ = 0;
}

}  // namespace icl
