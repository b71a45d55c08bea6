#include <algorithm>
#include <cstddef>
#include <vector>

#include "icl/core/math.hpp"
#include "icl/task/ideal_observer.hpp"
#include "icl/task/item_label.hpp"
#include "icl/theory/item_observers.hpp"

namespace icl::task {
namespace {

/// The entries of an item in a row [x ; l].
std::vector<float> item_of(const Real* row, std::int64_t dimension) {
  return {row, row + dimension};
}

class MemoriserObserver final : public IdealObserver {
 public:
  MemoriserObserver(const ItemSet& items, std::span<const Label> labels, std::int64_t dimension,
                    double noise, double zipf, bool signs)
      : dimension_(dimension), noise_(noise) {
    const auto d = static_cast<std::size_t>(dimension);
    rows_.resize(static_cast<std::size_t>(items.rows()) * d);
    labels_.reserve(static_cast<std::size_t>(items.rows()));
    const auto weights = zipf > 0 ? zipf_weights(zipf, items.classes()) : std::vector<double>{};
    if (!weights.empty()) log_prior_.reserve(static_cast<std::size_t>(items.rows()));
    for (std::int64_t row = 0; row < items.rows(); ++row) {
      items.draw(row, std::span(rows_).subspan(static_cast<std::size_t>(row) * d, d));
      const auto of_class = static_cast<std::size_t>(row / items.exemplars());
      labels_.push_back(index_of(labels[of_class], signs));
      if (!weights.empty()) log_prior_.push_back(math::log(weights[of_class]));
    }
  }

  void answer(const Batch& batch, std::int64_t b, std::span<double> out) const override {
    const std::int32_t target = batch.items.row(b)[batch.length - 1];
    std::vector<double> posterior(labels_.size());
    theory::memoriser_posterior(rows_, item_of(batch.table->target.row(target), dimension_), noise_,
                                log_prior_, posterior);
    theory::label_probabilities(posterior, labels_, out);
  }

 private:
  std::int64_t dimension_;
  double noise_;
  std::vector<float> rows_;
  std::vector<std::int32_t> labels_;
  std::vector<double> log_prior_;  ///< empty: all are equal
};

class CopierObserver final : public IdealObserver {
 public:
  CopierObserver(std::int64_t dimension, double noise, bool signs)
      : dimension_(dimension), noise_(noise), signs_(signs) {}

  void answer(const Batch& batch, std::int64_t b, std::span<double> out) const override {
    const std::int32_t* at = batch.items.row(b);
    const auto context = static_cast<std::size_t>(batch.length - 1);
    std::vector<float> rows;
    std::vector<std::int32_t> labels;
    rows.reserve(context * static_cast<std::size_t>(dimension_));
    labels.reserve(context);
    for (std::size_t j = 0; j < context; ++j) {
      const Real* row = batch.table->context.row(at[j]);
      rows.insert(rows.end(), row, row + dimension_);
      labels.push_back(index_of(static_cast<Label>(row[dimension_]), signs_));
    }
    std::vector<double> posterior(context);
    if (theory::copier_posterior(rows, item_of(batch.table->target.row(at[context]), dimension_),
                                 noise_, posterior)) {
      theory::label_probabilities(posterior, labels, out);
    } else {
      std::ranges::fill(out, -math::log(static_cast<double>(out.size())));
    }
  }

 private:
  std::int64_t dimension_;
  double noise_;
  bool signs_;
};

}  // namespace

std::unique_ptr<IdealObserver> ItemLabelTask::observer(config::ObserverName name) const {
  const bool signs = !label_count_;
  if (name == config::ObserverName::copier) {
    return std::make_unique<CopierObserver>(dimension_, noise_, signs);
  }
  if (name == config::ObserverName::memoriser && !fresh_items_) {
    return std::make_unique<MemoriserObserver>(training_.items, training_.labels, dimension_,
                                               noise_, zipf_, signs);
  }
  return nullptr;
}

}  // namespace icl::task
