#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include "icl/train/optimizer.hpp"

namespace icl::train {

/// A rule that needs the whole gradient before it updates anything: the backward pass fills
/// buffers. What it remembers are moments, of such names, that begin at 0.
class Buffered : public Optimizer {
 public:
  Buffered(const config::Train& config, std::span<nn::Parameter* const> parameters,
           std::span<const std::string_view> moments = {})
      : config_(config), factors_(parameters.size()) {
    slots_.reserve(parameters.size());
    for (nn::Parameter* p : parameters) slots_.push_back({p, Tensor({p->value.size()})});
    moments_.tensors.reserve(moments.size());
    for (const std::string_view name : moments) {
      moments_.tensors.push_back({name, {}});
      Values& zeros = moments_.tensors.back().values;
      zeros.reserve(parameters.size());
      for (const nn::Parameter* p : parameters) {
        zeros.emplace_back(static_cast<std::size_t>(p->value.size()));
      }
    }
  }

  void prepare(std::span<const double> factors) override {
    std::ranges::copy(factors, factors_.begin());
    for (Slot& slot : slots_) {
      slot.parameter->sink = {slot.gradient.data(), Real{1}, Real{0}, false};
    }
  }

  void finish(const Workers& workers) override {
    if (!moments_.tensors.empty()) ++moments_.updates;
    const Real scale = this->scale();
    for (std::size_t i = 0; i < slots_.size(); ++i) {
      if (factors_[i] == 0) continue;
      Slot& slot = slots_[i];
      workers.for_tiles(slot.gradient.size(), tile, [&](Tile entries) {
        const auto time = workers.measure(Phase::update);
        const auto first = static_cast<std::size_t>(entries.first);
        const auto size = static_cast<std::size_t>(entries.count);
        const auto gradient = slot.gradient.values().subspan(first, size);
        if (scale != 1) {
          for (Real& g : gradient) g *= scale;
        }
        update(i, first, gradient, slot.parameter->value.values().subspan(first, size));
      });
    }
  }

  [[nodiscard]] Moments moments() const final { return moments_; }

  void restore(const Moments& moments) final {
    if (std::ranges::equal(moments.tensors, moments_.tensors, {}, &Moments::Tensor::name,
                           &Moments::Tensor::name)) {
      moments_ = moments;
      return;
    }
    moments_.updates = 0;
    for (Moments::Tensor& tensor : moments_.tensors) {
      for (auto& values : tensor.values) std::ranges::fill(values, Real{0});
    }
  }

 protected:
  [[nodiscard]] const config::Train& config() const { return config_; }
  [[nodiscard]] const nn::Parameter& parameter(std::size_t i) const { return *slots_[i].parameter; }
  [[nodiscard]] double factor(std::size_t i) const { return factors_[i]; }
  /// How many updates there were, with the one being made.
  [[nodiscard]] std::int64_t updates() const { return moments_.updates; }
  /// Moment number `which`, of parameter i.
  [[nodiscard]] std::span<Real> moment(std::size_t which, std::size_t i) {
    return moments_.tensors[which].values[i];
  }
  [[nodiscard]] std::span<const Real> moment(std::size_t which, std::size_t i) const {
    return moments_.tensors[which].values[i];
  }

 private:
  static constexpr std::int64_t tile = 4096;

  struct Slot {
    nn::Parameter* parameter;
    Tensor gradient;
  };

  /// Updates entries `first` and on of parameter i. May be called by several threads at once, each
  /// with entries of its own.
  virtual void update(std::size_t i, std::size_t first, std::span<const Real> gradient,
                      std::span<Real> value) = 0;

  /// What clipping multiplies the gradients by.
  [[nodiscard]] Real scale() const {
    if (!config_.clip_norm) return 1;
    double squares = 0;
    for (std::size_t i = 0; i < slots_.size(); ++i) {
      if (factors_[i] != 0) squares += sum_of_squares(slots_[i].gradient.values());
    }
    return clip_factor(config_, squares);
  }

  config::Train config_;
  Moments moments_;
  std::vector<Slot> slots_;
  std::vector<double> factors_;
};

}  // namespace icl::train
