#include "icl/probe/fixed_set.hpp"

#include <algorithm>
#include <array>
#include <utility>

#include "icl/task/plain_encoder.hpp"

namespace icl::probe {

FixedSet::FixedSet(const config::Config& config, const task::Task& task, const model::Model& model,
                   const Workers& workers)
    : task_(task), counts_(fixed_counts(config)), shapes_(activation_shapes(config)) {
  if (shapes_.empty()) return;
  sequences_.length = task.length();
  sequences_.dimension = config.data.D;
  const std::int64_t capacity = std::min(chunk, std::max(counts_.novel, counts_.training));
  batch_ = task.make_batch(capacity, task::Tokens::in_the_batch);
  activations_ = model.make_activations(capacity, task.length());
  draw(task::Items::novel, counts_.novel, config, workers);
  draw(task::Items::training, counts_.training, config, workers);
  values_.reserve(shapes_.size());
  tensors_.reserve(shapes_.size());
  for (const ActivationShape& shape : shapes_) {
    tensors_.push_back(tensor_of(*shape.row));
    values_.emplace_back(static_cast<std::size_t>(sequences_.count * shape.extent));
  }
}

/// Adds `count` sequences of such items to those that there are.
void FixedSet::draw(task::Items items, std::int64_t count, const config::Config& config,
                    const Workers& workers) {
  if (count == 0) return;
  const task::PlainEncoder encoder(config);
  Batch plain = task_.make_batch_for(std::min(chunk, count), encoder);
  for (std::int64_t first = 0; first < count; first += chunk) {
    task_.fixed_batch(items, first, std::min(chunk, count - first), plain, workers, &encoder);
    add(plain, items == task::Items::novel);
  }
}

void FixedSet::add(const Batch& plain, bool novel) {
  FixedSequences& to = sequences_;
  for (std::int64_t b = 0; b < plain.size; ++b) {
    for (std::int64_t j = 0; j < to.length; ++j) {
      const bool is_target = j + 1 == to.length;
      const std::int32_t at = plain.items.row(b)[j];
      const Real* row = is_target ? plain.table->target.row(at) : plain.table->context.row(at);
      to.x.insert(to.x.end(), row, row + to.dimension);
      to.label.push_back(static_cast<Label>(row[to.dimension]));
      to.item.push_back(novel ? -1 : plain.fresh.drawn.row(b)[j]);
      if (!is_target) to.copy.push_back(static_cast<std::int8_t>(plain.copy.row(b)[j]));
    }
    to.answer.push_back(plain.answer[b]);
    to.novel.push_back(novel ? 1 : 0);
  }
  to.count += plain.size;
}

const std::vector<std::vector<Real>>& FixedSet::read(const model::Model& model,
                                                     const nn::Clamps& clamps,
                                                     const Workers& workers) {
  if (shapes_.empty()) return values_;
  activations_->clamp(clamps);
  std::int64_t written = 0;
  const std::array<std::pair<task::Items, std::int64_t>, 2> halves{
      {{task::Items::novel, counts_.novel}, {task::Items::training, counts_.training}}};
  for (const auto& [items, count] : halves) {
    for (std::int64_t first = 0; first < count; first += chunk) {
      const std::int64_t size = std::min(chunk, count - first);
      task_.fixed_batch(items, first, size, batch_, workers);
      model.forward(batch_, *activations_, workers);
      take(written);
      written += size;
    }
  }
  return values_;
}

/// A system of several layers names the tensors of the last one last.
const Tensor* FixedSet::tensor_of(const config::ActivationRow& row) const {
  if (row.name == "attention") return activations_->attention();
  const auto named = activations_->forward_tensors();
  const auto at = std::find_if(named.rbegin(), named.rend(),
                               [&](const auto& one) { return one.first.ends_with(row.tensor); });
  return at->second;
}

/// Copies what forward left of the batch behind the first `first` sequences.
void FixedSet::take(std::int64_t first) {
  for (std::size_t i = 0; i < shapes_.size(); ++i) {
    const std::int64_t extent = shapes_[i].extent;
    for (std::int64_t b = 0; b < batch_.size; ++b) {
      std::copy_n(tensors_[i]->row(b), extent, values_[i].begin() + (first + b) * extent);
    }
  }
}

}  // namespace icl::probe
