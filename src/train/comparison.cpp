#include "icl/train/comparison.hpp"

#include <algorithm>
#include <cassert>

#include "icl/core/math.hpp"
#include "icl/theory/item_observers.hpp"

namespace icl::train {
namespace {

/// sum over labels of q (ln q - ln p).
double divergence(std::span<const double> log_q, std::span<const double> log_p) {
  double sum = 0;
  for (std::size_t c = 0; c < log_q.size(); ++c) {
    const double q = math::exp(log_q[c]);
    if (q > 0) sum += q * (log_q[c] - log_p[c]);
  }
  return sum;
}

template <class Number>
double mean_square(std::span<const double> a, std::span<const Number> b) {
  double sum = 0;
  for (std::size_t p = 0; p < a.size(); ++p) {
    const double error = a[p] - static_cast<double>(b[p]);
    sum += error * error;
  }
  return sum / static_cast<double>(a.size());
}

}  // namespace

Comparison::Comparison(const config::Config& config, const task::Task& task, std::int64_t capacity)
    : asked_(config::asked_of(config)),
      width_(asked_.loss == config::LossKind::logistic ? 2
                                                       : static_cast<std::size_t>(asked_.outputs)) {
  for (const config::ObserverName name : config::observers_of(config)) {
    observers_.push_back(task.observer(name));
  }
  if (observers_.empty()) return;
  sums_.resize(observers_.size());
  answers_.resize(static_cast<std::size_t>(capacity) * width_);
  of_model_.resize(answers_.size());
}

void Comparison::begin() {
  std::ranges::fill(sums_, ObserverScore{0, 0});
  sequences_ = 0;
}

void Comparison::write_model_answer(const Real* z, std::span<double> out) const {
  switch (asked_.loss) {
    case config::LossKind::logistic:
      out[0] = -math::softplus(static_cast<double>(z[0]));
      out[1] = -math::softplus(-static_cast<double>(z[0]));
      return;
    case config::LossKind::cross_entropy:
      std::copy_n(z, out.size(), out.begin());
      theory::normalise_log(out);
      return;
    case config::LossKind::squared:
      std::copy_n(z, out.size(), out.begin());
  }
}

void Comparison::add(const Batch& batch, const Tensor& outputs, const Workers& workers) {
  const bool numbers = asked_.loss == config::LossKind::squared;
  const bool signs = asked_.loss == config::LossKind::logistic;
  const auto row = [&](std::vector<double>& answers, std::int64_t b) {
    return std::span(answers).subspan(static_cast<std::size_t>(b) * width_, width_);
  };
  if (!observers_.empty()) {
    for (std::int64_t b = 0; b < batch.size; ++b) {
      write_model_answer(outputs.row(b), row(of_model_, b));
    }
  }
  for (std::size_t i = 0; i < observers_.size(); ++i) {
    if (!observers_[i]) continue;
    workers.for_each(batch.size,
                     [&](std::int64_t b) { observers_[i]->answer(batch, b, row(answers_, b)); });
    for (std::int64_t b = 0; b < batch.size; ++b) {
      const std::span<const double> answer = row(answers_, b);
      const std::span<const double> of_model = row(of_model_, b);
      if (numbers) {
        const std::span asked(batch.value.row(b), width_);
        sums_[i].loss += mean_square<Real>(answer, asked);
        sums_[i].distance += mean_square<double>(answer, of_model);
      } else {
        sums_[i].loss -= answer[static_cast<std::size_t>(index_of(batch.answer[b], signs))];
        sums_[i].distance += divergence(answer, of_model);
      }
    }
  }
  sequences_ += batch.size;
}

void Comparison::scores(std::span<ObserverScore> scores) const {
  assert(scores.size() == observers_.size());
  const auto count = static_cast<double>(sequences_);
  for (std::size_t i = 0; i < scores.size(); ++i) {
    scores[i] = observers_[i] ? ObserverScore{sums_[i].loss / count, sums_[i].distance / count}
                              : ObserverScore{};
  }
}

}  // namespace icl::train
