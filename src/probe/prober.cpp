#include "icl/probe/prober.hpp"

#include <algorithm>
#include <cmath>
#include <iterator>
#include <limits>

#include "icl/core/math.hpp"
#include "icl/nn/logistic_loss.hpp"
#include "icl/probe/scores.hpp"

namespace icl::probe {
namespace {

double mean(const std::vector<double>& x) {
  double sum = 0;
  for (const double v : x) sum += v;
  return sum / static_cast<double>(x.size());
}

Spread spread(const std::vector<double>& x) {
  const double center = mean(x);
  double squares = 0;
  for (const double v : x) squares += (v - center) * (v - center);
  return {center, std::sqrt(squares / static_cast<double>(x.size()))};
}

/// e^x, infinite where math::exp ends.
double exponential(double x) {
  constexpr double highest = 709;
  return x > highest ? std::numeric_limits<double>::infinity() : math::exp(x);
}

/// Losses, accuracies and margins of a lesion, added up over chunks.
class Tally {
 public:
  void add(const Batch& batch, const Tensor& logits) {
    const auto sums = nn::logistic_loss(batch.size, logits.data(), batch.answer.data());
    loss_ += sums.loss;
    correct_ += sums.correct;
    count_ += batch.size;
    for (std::int64_t b = 0; b < batch.size; ++b) {
      const double margin = double{logits[b]} * batch.answer[b];
      sum_ += margin;
      squares_ += margin * margin;
    }
  }
  [[nodiscard]] Score score() const {
    const auto n = static_cast<double>(count_);
    return {loss_ / n, static_cast<double>(correct_) / n};
  }
  [[nodiscard]] Spread margins() const {
    const auto n = static_cast<double>(count_);
    const double center = sum_ / n;
    return {center, std::sqrt(std::max(0.0, squares_ / n - center * center))};
  }

 private:
  double loss_ = 0, sum_ = 0, squares_ = 0;
  std::int64_t correct_ = 0, count_ = 0;
};

}  // namespace

Prober::Prober(const config::Config& config, const task::Task& task, const model::Model& model)
    : task_(task),
      has_(config::row_of(config.model.system).has),
      probes_(config::probes_of(config)),
      sequences_(task.probe_sequences()) {
  if (probes_.empty()) return;
  const std::int64_t capacity = std::min(chunk, sequences_);
  batch_ = task.make_batch(capacity, task::Tokens::in_the_batch);
  activations_ = model.make_activations(capacity, task.length());
  for (auto* list : {&whole_, &bare_, &positive_, &negative_, &nil_, &answers_, &beta_, &self_,
                     &copy_attention_, &self_attention_, &entropy_, &phi_, &scratch_}) {
    list->resize(static_cast<std::size_t>(sequences_));
  }
}

bool Prober::asked(config::ProbeName probe) const {
  return std::ranges::find(probes_, probe) != probes_.end();
}

Reading Prober::read(const model::Model& model, std::int64_t step, nn::Attending attending,
                     const Workers& workers) {
  using enum config::ProbeName;
  Reading reading;
  if (probes_.empty()) return reading;
  if (asked(memorisation) || asked(effective) || asked(attention) || asked(margins)) {
    read_sequences(model, step, attending, workers);
    if (asked(memorisation)) read_memorisation(reading);
    if (asked(effective)) read_effective(reading);
    if (asked(attention)) {
      reading.attention_copy = mean(copy_attention_);
      reading.attention_self = mean(self_attention_);
      reading.attention_entropy = mean(entropy_);
    }
    if (asked(margins)) {
      reading.memoriser_margin = mean(bare_);
      reading.attention_margin = mean(whole_) - reading.memoriser_margin;
    }
  }
  if (asked(alignment)) reading.alignment = model.identity_alignment();
  if (asked(lesions)) read_lesions(model, step, workers, reading);
  return reading;
}

void Prober::forward(const model::Model& model, nn::Attending attending, const Workers& workers) {
  activations_->attending = attending;
  model.forward(batch_, *activations_, workers);
}

void Prober::read_sequences(const model::Model& model, std::int64_t step, nn::Attending attending,
                            const Workers& workers) {
  const bool clamped = has_.mixes_paths || asked(config::ProbeName::effective);
  for (std::int64_t first = 0; first < sequences_; first += chunk) {
    const std::int64_t size = std::min(chunk, sequences_ - first);
    task_.probe_batch(static_cast<std::uint64_t>(step), first, size, task::CopyLabel::its_own,
                      batch_, workers);
    const auto take = [&](Margins& out) {
      for (std::int64_t b = 0; b < size; ++b) {
        out[static_cast<std::size_t>(first + b)] =
            double{activations_->logits[b]} * batch_.answer[b];
      }
    };
    for (std::int64_t b = 0; b < size; ++b) {
      answers_[static_cast<std::size_t>(first + b)] = batch_.answer[b];
    }
    forward(model, attending, workers);
    take(whole_);
    if (!has_.context) {
      take(bare_);
      continue;
    }
    read_weights(first);
    // Effective beta is that of the scores, also while attention is clamped to something else.
    if (attending != nn::Attending::learned) forward(model, nn::Attending::learned, workers);
    read_scores(first);
    forward(model, nn::Attending::none, workers);
    take(bare_);
    if (clamped) read_clamped(model, step, first, size, workers);
  }
}

void Prober::read_weights(std::int64_t first) {
  const Tensor& weights = *activations_->attention();
  const std::int64_t context = task_.length() - 1;
  for (std::int64_t b = 0; b < batch_.size; ++b) {
    const Real* a = weights.row(b);
    double copies = 0;
    double entropy = 0;
    for (std::int64_t j = 0; j <= context; ++j) {
      const double weight = a[j];
      if (weight > 0) entropy -= weight * math::log(weight);
      if (j < context && batch_.copy.row(b)[j] != 0) copies += weight;
    }
    const auto i = static_cast<std::size_t>(first + b);
    copy_attention_[i] = copies;
    self_attention_[i] = a[context];
    entropy_[i] = entropy;
  }
}

void Prober::read_scores(std::int64_t first) {
  const Tensor& weights = *activations_->attention();
  if (first == 0) attends_to_itself_ = false;
  for (std::int64_t b = 0; b < batch_.size; ++b) {
    const Scores scores = probe::read_scores(batch_, b, weights.row(b));
    const auto i = static_cast<std::size_t>(first + b);
    beta_[i] = scores.beta;
    self_[i] = scores.self_minus_copy;
    attends_to_itself_ = attends_to_itself_ || scores.attends_to_itself;
  }
}

void Prober::read_clamped(const model::Model& model, std::int64_t step, std::int64_t first,
                          std::int64_t size, const Workers& workers) {
  struct Pass {
    task::CopyLabel label;
    Margins& out;
  };
  for (const Pass& pass :
       {Pass{task::CopyLabel::positive, positive_}, Pass{task::CopyLabel::negative, negative_},
        Pass{task::CopyLabel::none, nil_}}) {
    task_.probe_batch(static_cast<std::uint64_t>(step), first, size, pass.label, batch_, workers);
    forward(model, nn::Attending::copy, workers);
    for (std::int64_t b = 0; b < size; ++b) {
      pass.out[static_cast<std::size_t>(first + b)] = activations_->logits[b];
    }
  }
}

void Prober::read_memorisation(Reading& reading) {
  phi_ = bare_;
  if (has_.mixes_paths) {
    for (std::size_t i = 0; i < phi_.size(); ++i) {
      phi_[i] = answers_[i] * (positive_[i] + negative_[i]) / 2;
    }
  }
  double first = 0;
  double second = 0;
  double third = 0;
  for (const double margin : phi_) {
    const double wrong = math::logistic(-margin);
    first += wrong;
    second += wrong * wrong;
    third += exponential(-margin);
  }
  const auto n = static_cast<double>(phi_.size());
  reading.c1 = first / n;
  reading.c2 = first > 0 ? 1 - second / first : 1;
  reading.c3 = third / n;
  reading.margin = spread(phi_);
}

void Prober::read_effective(Reading& reading) {
  Margins& w = scratch_;
  double squares = 0;
  for (std::size_t i = 0; i < w.size(); ++i) {
    w[i] = (positive_[i] - negative_[i]) / 2;
    const double bend = nil_[i] - (positive_[i] + negative_[i]) / 2;
    squares += bend * bend;
  }
  reading.effective_w = spread(w);
  reading.nonlinearity = std::sqrt(squares / static_cast<double>(w.size()));
  // A target that never attends to itself has no score on itself.
  if (attends_to_itself_) reading.self_minus_copy = mean(self_);
  // A context of copies alone has no effective beta.
  scratch_.clear();
  std::ranges::copy_if(beta_, std::back_inserter(scratch_),
                       [](double b) { return !std::isnan(b); });
  reading.effective_beta = spread(scratch_);
  scratch_.resize(beta_.size());
}

void Prober::read_lesions(const model::Model& model, std::int64_t step, const Workers& workers,
                          Reading& reading) {
  const auto at = static_cast<std::uint64_t>(step);
  Tally uniform_icl;
  Tally none_icl;
  Tally copy_icl;
  Tally uniform_iwl;
  Tally none_iwl;
  const auto cut = [&](nn::Attending attending, Tally& tally) {
    forward(model, attending, workers);
    tally.add(batch_, activations_->logits);
  };
  for (std::int64_t first = 0; first < sequences_; first += chunk) {
    const std::int64_t size = std::min(chunk, sequences_ - first);
    task_.icl_batch(at, first, size, batch_, workers);
    cut(nn::Attending::uniform, uniform_icl);
    cut(nn::Attending::none, none_icl);
    cut(nn::Attending::copy, copy_icl);
    if (!task_.has_iwl()) continue;
    task_.iwl_batch(at, first, size, batch_, workers);
    cut(nn::Attending::uniform, uniform_iwl);
    cut(nn::Attending::none, none_iwl);
  }
  reading.uniform_icl = uniform_icl.score();
  reading.none_icl = none_icl.score();
  reading.copy_icl = copy_icl.score();
  reading.novel_margin = none_icl.margins();
  if (task_.has_iwl()) {
    reading.uniform_iwl = uniform_iwl.score();
    reading.none_iwl = none_iwl.score();
  }
}

}  // namespace icl::probe
