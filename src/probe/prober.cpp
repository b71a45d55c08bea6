#include "icl/probe/prober.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

#include "icl/config/probe_set.hpp"
#include "icl/core/math.hpp"
#include "icl/probe/scores.hpp"
#include "prober_cuts.hpp"

namespace icl::probe {
Prober::Prober(const config::Config& config, const task::Task& task, const model::Model& model,
               NextUpdate* update)
    : task_(task),
      has_(config::row_of(config.model.system).has),
      of_task_(config::row_of(config::task_of(config))),
      loss_(config::asked_of(config)),
      update_(update),
      count_(task.probe_sequences()) {
  for (const config::ProbeName name : config::probes_of(config)) {
    const Probe& probe = probe_of(name);
    std::size_t values = 0;
    for (const Column& column : probe.columns) {
      const std::size_t count =
          count_of(column, config, update == nullptr ? 0 : update->parameters());
      for (std::size_t i = 0; i < count && has_column(column, config); ++i) {
        kept_.push_back(written_.size() + values + i);
      }
      values += count;
    }
    written_.resize(written_.size() + values);
    probes_.push_back({&probe, values});
    if (probe.passes == nullptr) continue;
    reads_sequences_ = true;
    const Passes asked = probe.passes(has_);
    passes_.trained |= asked.trained;
    passes_.learned |= asked.learned;
    passes_.bare |= asked.bare;
    passes_.clamped |= asked.clamped;
    passes_.heads |= asked.heads;
  }
  if (probes_.empty()) return;
  reading_.places = places_of(config, update == nullptr ? 0 : update->parameters());
  reading_.values.resize(reading_.places.size());
  if (!config::probes_sequences(config)) return;
  const std::int64_t capacity = std::min(chunk, count_);
  batch_ = task.make_batch(capacity, task::Tokens::in_the_batch);
  activations_ = model.make_activations(capacity, task.length());
  Sequences& s = sequences_;
  for (auto* list : {&s.margin, &s.bare_margin, &s.positive, &s.negative, &s.nil, &s.phi, &s.beta,
                     &s.self_minus_copy, &s.attention_copy, &s.attention_self, &s.attention_entropy,
                     &answers_, &scratch_}) {
    list->resize(static_cast<std::size_t>(count_));
  }
  if (!has_.heads) return;
  const config::BlocksShape shape = config::blocks_shape(config);
  layers_ = shape.n_layers;
  heads_ = shape.n_heads;
  const auto all = static_cast<std::size_t>(layers_ * heads_);
  s.heads.resize(all);
  head_scores_.resize(all);
  below_.reserve(all);
  with_lesion_.reserve(all + 1);
}

const Reading& Prober::read(const model::Model& model, std::int64_t step, const nn::Clamps& clamps,
                            Memory& memory, const Workers& workers) {
  std::ranges::fill(written_, std::numeric_limits<double>::quiet_NaN());
  std::ranges::fill(head_scores_, Score{});
  clamps_ = clamps;
  below_.clear();
  for (const nn::HeadClamp& one : clamps.heads) {
    if (one.layer + 1 < layers_) below_.push_back(one);
  }
  if (reads_sequences_) read_sequences(model, step, workers);
  Cuts cuts(*this, model, step, workers);
  const View view{has_, model, sequences_, cuts, update_, memory, scratch_, head_scores_, workers};
  std::span<double> left(written_);
  for (const Asked& asked : probes_) {
    asked.probe->read(view, left.first(asked.values));
    left = left.subspan(asked.values);
  }
  std::ranges::transform(kept_, reading_.values.begin(),
                         [&](std::size_t i) { return written_[i]; });
  return reading_;
}

void Prober::forward_trained(const model::Model& model, const Workers& workers) {
  activations_->clamp(clamps_);
  model.forward(batch_, *activations_, workers);
}

void Prober::forward(const model::Model& model, nn::Attending attending, const Workers& workers) {
  activations_->clamp({attending, below_});
  model.forward(batch_, *activations_, workers);
}

/// As the model trains, but that head number `head`, layer by layer, attends to nothing.
void Prober::forward_without(const model::Model& model, std::size_t head, const Workers& workers) {
  const auto number = static_cast<std::int64_t>(head);
  with_lesion_.assign(clamps_.heads.begin(), clamps_.heads.end());
  with_lesion_.push_back({number / heads_, number % heads_, nn::Attending::none});
  activations_->clamp({clamps_.target, with_lesion_});
  model.forward(batch_, *activations_, workers);
}

void Prober::take(std::int64_t first, bool signed_by_answer, std::vector<double>& to) const {
  for (std::int64_t b = 0; b < batch_.size; ++b) {
    const Tensor& z = activations_->logits;
    to[static_cast<std::size_t>(first + b)] =
        signed_by_answer ? loss_.margin(batch_, b, z) : static_cast<double>(*z.row(b));
  }
}

void Prober::read_sequences(const model::Model& model, std::int64_t step, const Workers& workers) {
  using enum nn::Attending;
  std::ranges::fill(sequences_.heads, HeadScores{});
  for (std::int64_t first = 0; first < count_; first += chunk) {
    const std::int64_t size = std::min(chunk, count_ - first);
    task_.probe_batch(static_cast<std::uint64_t>(step), first, size, task::CopyLabel::its_own,
                      batch_, workers);
    for (std::int64_t b = 0; b < size && of_task_.labels; ++b) {
      answers_[static_cast<std::size_t>(first + b)] = batch_.answer[b];
    }
    if (!has_.context) {
      forward_trained(model, workers);
      take(first, true, sequences_.margin);
      take(first, true, sequences_.bare_margin);
      continue;
    }
    const bool trained = passes_.trained || passes_.heads;
    if (trained) forward_trained(model, workers);
    if (passes_.trained) {
      take(first, true, sequences_.margin);
      read_weights(first);
    }
    if (passes_.heads) read_heads();
    if (passes_.learned) {
      // Effective beta is that of the scores, also while attention is clamped to something else.
      const bool replaced = clamps_.target != learned || !clamps_.heads.empty();
      if (!trained || replaced) forward(model, learned, workers);
      read_scores(first);
    }
    if (passes_.bare) {
      forward(model, none, workers);
      take(first, true, sequences_.bare_margin);
    }
    if (passes_.clamped) read_clamped(model, step, first, size, workers);
  }
  finish_heads();
  set_phi();
}

/// The memoriser's margin: that of its own path, or of the mean logit over the labels of a copy
/// where the paths are mixed.
void Prober::set_phi() {
  if (!has_.mixes_paths) {
    std::ranges::copy(sequences_.bare_margin, sequences_.phi.begin());
    return;
  }
  for (std::size_t i = 0; i < sequences_.phi.size(); ++i) {
    sequences_.phi[i] = answers_[i] * (sequences_.positive[i] + sequences_.negative[i]) / 2;
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
    sequences_.attention_copy[i] = copies;
    sequences_.attention_self[i] = a[context];
    sequences_.attention_entropy[i] = entropy;
  }
}

/// Adds the scores of the batch to those of each head.
void Prober::read_heads() {
  const model::HeadWeights weights = activations_->heads();
  auto sum = sequences_.heads.begin();
  for (const Tensor* a : weights.layers) {  // [B, H, Tq, T]
    const std::int64_t queries = a->extent(2);
    const std::int64_t tokens = a->extent(3);
    for (std::int64_t h = 0; h < a->extent(1); ++h, ++sum) {
      for (std::int64_t b = 0; b < batch_.size; ++b) {
        const HeadScores scores = read_head_scores(batch_, b, a->row(b) + h * queries * tokens,
                                                   queries, tokens, weights.stride);
        sum->on_copy += scores.on_copy;
        sum->after_copy += scores.after_copy;
        sum->on_previous += scores.on_previous;
      }
    }
  }
}

void Prober::finish_heads() {
  const auto count = static_cast<double>(count_);
  for (HeadScores& head : sequences_.heads) {
    head = {head.on_copy / count, head.after_copy / count, head.on_previous / count};
  }
}

void Prober::read_scores(std::int64_t first) {
  const Tensor& weights = *activations_->attention();
  if (first == 0) sequences_.attends_to_itself = false;
  for (std::int64_t b = 0; b < batch_.size; ++b) {
    const Scores scores = probe::read_scores(batch_, b, weights.row(b));
    const auto i = static_cast<std::size_t>(first + b);
    sequences_.beta[i] = scores.beta;
    sequences_.self_minus_copy[i] = scores.self_minus_copy;
    sequences_.attends_to_itself = sequences_.attends_to_itself || scores.attends_to_itself;
  }
}

void Prober::read_clamped(const model::Model& model, std::int64_t step, std::int64_t first,
                          std::int64_t size, const Workers& workers) {
  struct Pass {
    task::CopyLabel label;
    std::vector<double>& out;
  };
  for (const Pass& pass : {Pass{task::CopyLabel::positive, sequences_.positive},
                           Pass{task::CopyLabel::negative, sequences_.negative},
                           Pass{task::CopyLabel::none, sequences_.nil}}) {
    task_.probe_batch(static_cast<std::uint64_t>(step), first, size, pass.label, batch_, workers);
    forward(model, nn::Attending::copy, workers);
    take(first, false, pass.out);
  }
}

}  // namespace icl::probe
