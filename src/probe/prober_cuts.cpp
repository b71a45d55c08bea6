#include "prober_cuts.hpp"

#include <algorithm>
#include <array>
#include <cmath>

namespace icl::probe {
namespace {

/// Losses, accuracies and margins, added up over chunks.
class Tally {
 public:
  void add(const nn::Loss& loss, const Batch& batch, const Tensor& logits) {
    const auto sums = loss.sums(batch, logits);
    loss_ += sums.loss;
    correct_ += sums.correct;
    count_ += batch.size;
    for (std::int64_t b = 0; b < batch.size; ++b) {
      const double margin = loss.margin(batch, b, logits);
      sum_ += margin;
      squares_ += margin * margin;
    }
  }
  [[nodiscard]] Cut cut() const {
    const auto n = static_cast<double>(count_);
    const double center = sum_ / n;
    return {{loss_ / n, static_cast<double>(correct_) / n},
            {center, std::sqrt(std::max(0.0, squares_ / n - center * center))}};
  }

 private:
  double loss_ = 0, sum_ = 0, squares_ = 0;
  std::int64_t correct_ = 0, count_ = 0;
};

constexpr std::size_t most = 8;  ///< tallies at a time

}  // namespace

void Prober::Cuts::cut(std::size_t set, std::span<const nn::Attending> attendings,
                       std::span<Cut> cuts) {
  if (!prober_.task_.has(set)) return;
  std::array<Tally, most> tallies;
  for (std::int64_t first = 0; first < prober_.count_; first += chunk) {
    const std::int64_t size = std::min(chunk, prober_.count_ - first);
    prober_.task_.evaluation_batch(set, step_, first, size, prober_.batch_, workers_);
    for (std::size_t i = 0; i < attendings.size(); ++i) {
      prober_.forward(model_, attendings[i], workers_);
      tallies.at(i).add(prober_.loss_, prober_.batch_, prober_.activations_->logits);
    }
  }
  for (std::size_t i = 0; i < attendings.size(); ++i) cuts[i] = tallies.at(i).cut();
}

void Prober::Cuts::cut_heads(std::size_t set, std::span<Score> scores) {
  if (!prober_.task_.has(set)) return;
  for (std::size_t group = 0; group < scores.size(); group += most) {
    const std::size_t end = std::min(group + most, scores.size());
    std::array<Tally, most> tallies;
    for (std::int64_t first = 0; first < prober_.count_; first += chunk) {
      const std::int64_t size = std::min(chunk, prober_.count_ - first);
      prober_.task_.evaluation_batch(set, step_, first, size, prober_.batch_, workers_);
      for (std::size_t i = group; i < end; ++i) {
        prober_.forward_without(model_, i, workers_);
        tallies.at(i - group).add(prober_.loss_, prober_.batch_, prober_.activations_->logits);
      }
    }
    for (std::size_t i = group; i < end; ++i) scores[i] = tallies.at(i - group).cut().score;
  }
}

}  // namespace icl::probe
