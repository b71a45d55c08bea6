#include "icl/task/frequencies.hpp"

#include <algorithm>
#include <functional>

#include "icl/core/math.hpp"

namespace icl::task {

Frequencies::Frequencies(std::span<const double> weights)
    : count_(static_cast<std::uint32_t>(weights.size())), tail_(weights.size() + 1) {
  for (std::size_t k = weights.size(); k > 0; --k) tail_[k - 1] = tail_[k] + weights[k - 1];
}

std::ptrdiff_t Frequencies::place_of(double at) const {
  const auto end = std::ranges::lower_bound(tail_, at, std::ranges::greater());
  // Rounded up, `at` may be the sum of all.
  return std::max<std::ptrdiff_t>(end - tail_.begin() - 1, 0);
}

std::int32_t Frequencies::draw(WordReader& words) const {
  if (tail_.empty()) return static_cast<std::int32_t>(words.below(count_));
  return static_cast<std::int32_t>(place_of(words.unit() * tail_.front()));
}

std::int32_t Frequencies::draw_other(WordReader& words, std::int32_t excluded) const {
  if (tail_.empty()) {
    const auto drawn = static_cast<std::int32_t>(words.below(count_ - 1));
    return drawn < excluded ? drawn : drawn + 1;
  }
  const auto k = static_cast<std::size_t>(excluded);
  const double before = tail_.front() - tail_[k];
  const double after = tail_[k + 1];
  const double at = words.unit() * (before + after);
  const std::ptrdiff_t place =
      at < after || k == 0 ? std::max(place_of(at), static_cast<std::ptrdiff_t>(excluded) + 1)
                           : place_of(at - after + tail_[k]);
  return static_cast<std::int32_t>(place);
}

std::vector<double> zipf_weights(double alpha, std::int64_t count) {
  std::vector<double> weights;
  weights.reserve(static_cast<std::size_t>(count));
  for (std::int64_t k = 1; k <= count; ++k) {
    weights.push_back(math::exp(-alpha * math::log(static_cast<double>(k))));
  }
  return weights;
}

}  // namespace icl::task
