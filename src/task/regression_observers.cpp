#include "icl/theory/regression_observers.hpp"

#include <cstddef>
#include <vector>

#include "icl/task/ideal_observer.hpp"
#include "icl/task/regression.hpp"

namespace icl::task {
namespace {

/// The pairs of a sequence, with 0 for the y that is asked for.
class Pairs {
 public:
  Pairs(const Batch& batch, std::int64_t b, std::int64_t dimension, double sigma) : sigma_(sigma) {
    const auto d = static_cast<std::size_t>(dimension);
    x_.reserve(static_cast<std::size_t>(batch.length) * d);
    y_.reserve(static_cast<std::size_t>(batch.length));
    for (std::int64_t j = 0; j < batch.length; ++j) {
      const std::int32_t at = batch.items.row(b)[j];
      const bool is_target = j + 1 == batch.length;
      const Real* row = is_target ? batch.table->target.row(at) : batch.table->context.row(at);
      x_.insert(x_.end(), row, row + d);
      y_.push_back(is_target ? 0 : static_cast<double>(row[d]));
    }
  }

  [[nodiscard]] theory::RegressionSequence view() const { return {x_, y_, sigma_}; }

 private:
  std::vector<double> x_, y_;
  double sigma_;
};

class Ridge final : public IdealObserver {
 public:
  Ridge(std::int64_t dimension, double sigma) : dimension_(dimension), sigma_(sigma) {}
  void answer(const Batch& batch, std::int64_t b, std::span<double> out) const override {
    const Pairs pairs(batch, b, dimension_, sigma_);
    std::vector<double> predictions(pairs.view().y.size());
    theory::ridge(pairs.view(), 1, predictions);
    out.front() = predictions.back();
  }

 private:
  std::int64_t dimension_;
  double sigma_;
};

class Dmmse final : public IdealObserver {
 public:
  Dmmse(const BasicTensor<float>& weights, double sigma)
      : dimension_(weights.extent(1)),
        sigma_(sigma),
        tasks_(weights.values().begin(), weights.values().end()) {}
  void answer(const Batch& batch, std::int64_t b, std::span<double> out) const override {
    const Pairs pairs(batch, b, dimension_, sigma_);
    std::vector<double> predictions(pairs.view().y.size());
    theory::dmmse(pairs.view(), tasks_, predictions);
    out.front() = predictions.back();
  }

 private:
  std::int64_t dimension_;
  double sigma_;
  std::vector<double> tasks_;
};

}  // namespace

std::unique_ptr<IdealObserver> RegressionTask::observer(config::ObserverName name) const {
  if (name == config::ObserverName::ridge) return std::make_unique<Ridge>(dimension_, noise_);
  if (name == config::ObserverName::dmmse && traits().training_items) {
    return std::make_unique<Dmmse>(weights_, noise_);
  }
  return nullptr;
}

}  // namespace icl::task
