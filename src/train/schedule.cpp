#include "icl/train/schedule.hpp"

#include <algorithm>
#include <cmath>
#include <iterator>
#include <numbers>

#include "icl/config/steps.hpp"
#include "icl/core/math.hpp"

namespace icl::train {

std::vector<std::int64_t> log_steps(std::int64_t count, std::int64_t last) {
  std::vector<std::int64_t> steps;
  for (std::int64_t i = 0; i < count; ++i) {
    if (i == 0) {
      steps.push_back(0);
    } else if (i + 1 == count) {
      steps.push_back(last);
    } else {
      // pow of the C library: it decides what is evaluated and recorded, but no draw, and that only
      // where the power lies within an ulp of a half. Of 358,200 points (3 to 201 of them, over
      // eighteen lengths of runs) the nearest is 47,000 ulp away: schedule_test.cpp.
      const double share = static_cast<double>(i - 1) / static_cast<double>(count - 2);
      steps.push_back(std::llround(std::pow(static_cast<double>(last), share)));
    }
  }
  steps.erase(std::unique(steps.begin(), steps.end()), steps.end());
  return steps;
}

bool Schedule::holds(std::int64_t step) const {
  return (every_ > 0 && step % every_ == 0) || std::ranges::binary_search(listed_, step);
}

std::int64_t Schedule::last_before(std::int64_t step) const {
  std::int64_t last = every_ > 0 ? (step - 1) / every_ * every_ : 0;
  const auto behind = std::ranges::lower_bound(listed_, step);
  if (behind != listed_.begin()) last = std::max(last, *std::prev(behind));
  return last;
}

std::optional<std::int64_t> Schedule::next_after(std::int64_t step) const {
  std::optional<std::int64_t> next;
  if (every_ > 0) next = (step / every_ + 1) * every_;
  const auto listed = std::ranges::upper_bound(listed_, step);
  if (listed != listed_.end()) next = std::min(*listed, next.value_or(*listed));
  return next;
}

std::int64_t Schedule::count(std::int64_t last) const {
  std::int64_t all = every_ > 0 ? last / every_ + 1 : 0;
  for (const std::int64_t step : listed_) {
    if (step <= last && (every_ == 0 || step % every_ != 0)) ++all;
  }
  return all;
}

double rate_share(const config::Config& config, std::int64_t step) {
  const std::int64_t warmup = config.train.warmup;
  if (step < warmup) return static_cast<double>(step + 1) / static_cast<double>(warmup);
  const double p = static_cast<double>(step - warmup) /
                   static_cast<double>(std::max<std::int64_t>(last_step(config) - warmup, 1));
  switch (config.train.schedule) {
    case config::RateSchedule::constant:
      return 1;
    case config::RateSchedule::cosine: {
      const double root = math::cos_quarter(p * std::numbers::pi / 2);
      return root * root;  // (1 + cos(pi p)) / 2
    }
    case config::RateSchedule::triangle:
      return 1 - p;
  }
  return 1;
}

Schedule evaluation_schedule(const config::Config& config) {
  const std::int64_t last = last_step(config);
  // Log-spaced points begin at step 1: step 0 is there anyway.
  std::vector<std::int64_t> listed =
      log_steps(config.eval.log_points > 0 ? config.eval.log_points + 1 : 0, last);
  if (listed.empty()) listed.push_back(0);
  if (listed.back() != last) listed.push_back(last);
  return {config.eval.every.value_or(config.train.steps_per_epoch), std::move(listed)};
}

Schedule snapshot_schedule(const config::Config& config) {
  const std::int64_t last = last_step(config);
  std::vector<std::int64_t> listed = log_steps(config.record.snapshots, last);
  if (config.record.snapshot_steps) {
    const auto more = config::steps_of(**config.record.snapshot_steps, last);
    std::vector<std::int64_t> all;
    std::ranges::set_union(listed, more, std::back_inserter(all));
    listed = std::move(all);
  }
  return {config.record.snapshot_every.value_or(0), std::move(listed)};
}

}  // namespace icl::train
