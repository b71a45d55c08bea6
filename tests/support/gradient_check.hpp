#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <deque>
#include <functional>
#include <limits>
#include <span>
#include <string>
#include <vector>

#include "support/random.hpp"

namespace icl::test {

/// Compares a hand-written backward pass with central differences, in double.
///
/// The objective is sum_i c_i o_i over all outputs o with random cotangents c, and every coordinate
/// of every variable is varied. Numeric derivatives are Richardson's (4 d(h) - d(2h)) / 3 of
/// central differences d, taken output by output so that outputs which do not move add no rounding
/// error. At h = 2^-18 truncation is h^4 f^(5) / 7.5, about 1e-23 of the fifth derivative, and
/// rounding 2e-16 / h, about 1e-10 of an output: tests choose sizes of parameters at which no
/// tensor's gradient is below a thousandth of the outputs, and the tolerance is then reached with
/// room to spare.
///
/// Coordinates for which a ReLU switches between the five points have no derivative to compare
/// with. They are left out and counted.
class GradientCheck {
 public:
  /// Largest |analytic - numeric|, relative to the largest |numeric| of the tensor.
  static constexpr double tolerance = 1e-7;
  static constexpr double largest_excluded_share = 0.01;
  static constexpr double step = 0x1p-18;

  explicit GradientCheck(std::uint64_t seed) : seed_(seed) {}

  /// Independent variables, and where backward leaves the derivative of the objective.
  void variable(const std::string& name, std::span<double> value, std::span<double> gradient) {
    variables_.push_back({name, value, gradient});
  }

  /// An nn::Parameter: its sink is pointed at a gradient buffer of this object.
  template <class Parameter>
  void parameter(Parameter& p) {
    std::vector<double>& gradient = buffers_.emplace_back(p.value.values().size());
    p.sink = {.target = gradient.data(), .rate = 1, .decay = 0, .accumulate = false};
    variable(p.name, p.value.values(), gradient);
  }

  /// What forward computes, and where backward reads the cotangents that `run` draws.
  void output(std::span<const double> value, std::span<double> cotangent) {
    outputs_.push_back({value, cotangent});
  }

  /// Results of a ReLU, filled by forward: a change of which are positive is a kink.
  void relu(std::span<const double> h) { relus_.push_back(h); }

  /// forward: variables -> outputs. backward: what forward left and cotangents -> gradients.
  [[nodiscard]] testing::AssertionResult run(const std::function<void()>& forward,
                                             const std::function<void()>& backward) {
    std::uint64_t seed = seed_;
    for (const Output& o : outputs_) fill_normal(o.cotangent, seed++);
    // What backward forgets to write stays NaN and fails.
    for (const Variable& v : variables_) {
      std::ranges::fill(v.gradient, std::numeric_limits<double>::quiet_NaN());
    }
    forward();
    backward();
    const std::vector<bool> pattern = relu_pattern();

    coordinates_ = excluded_ = 0;
    worst_ = 0;
    for (const Variable& v : variables_) {
      const std::vector<double> numeric = differentiate(v, forward, pattern);
      if (auto verdict = compare(v, numeric); !verdict) return verdict;
    }
    if (static_cast<double>(excluded_) >
        largest_excluded_share * static_cast<double>(coordinates_)) {
      return testing::AssertionFailure() << excluded_ << " of " << coordinates_
                                         << " coordinates cross the kink of a ReLU: too many";
    }
    return testing::AssertionSuccess();
  }

  [[nodiscard]] std::int64_t coordinates() const { return coordinates_; }
  [[nodiscard]] std::int64_t excluded() const { return excluded_; }
  /// Largest relative error of the last run.
  [[nodiscard]] double worst() const { return worst_; }

 private:
  struct Variable {
    std::string name;
    std::span<double> value, gradient;
  };
  struct Output {
    std::span<const double> value;
    std::span<double> cotangent;
  };

  [[nodiscard]] std::vector<bool> relu_pattern() const {
    std::vector<bool> pattern;
    for (const auto& h : relus_) {
      for (const double x : h) pattern.push_back(x > 0);
    }
    return pattern;
  }

  /// All outputs, one after the other.
  [[nodiscard]] std::vector<double> outputs() const {
    std::vector<double> all;
    for (const Output& o : outputs_) all.insert(all.end(), o.value.begin(), o.value.end());
    return all;
  }

  /// sum_i c_i (plus_i - minus_i)
  [[nodiscard]] double objective_difference(const std::vector<double>& plus,
                                            const std::vector<double>& minus) const {
    double sum = 0;
    std::size_t i = 0;
    for (const Output& o : outputs_) {
      for (const double c : o.cotangent) {
        sum += c * (plus[i] - minus[i]);
        ++i;
      }
    }
    return sum;
  }

  /// The numeric gradient of v; NaN where a ReLU has its kink.
  [[nodiscard]] std::vector<double> differentiate(const Variable& v,
                                                  const std::function<void()>& forward,
                                                  const std::vector<bool>& pattern) const {
    std::vector<double> numeric;
    for (double& x : v.value) {
      const double at = x;
      bool kink = false;
      const auto evaluate = [&](double shift) {
        x = at + shift;
        forward();
        kink = kink || relu_pattern() != pattern;
        return outputs();
      };
      const auto central = [&](double h) {
        const auto plus = evaluate(h);
        const auto minus = evaluate(-h);
        return objective_difference(plus, minus) / ((at + h) - (at - h));
      };
      const double d1 = central(step);
      const double d2 = central(2 * step);
      x = at;
      numeric.push_back(kink ? std::numeric_limits<double>::quiet_NaN() : (4 * d1 - d2) / 3);
    }
    return numeric;
  }

  [[nodiscard]] testing::AssertionResult compare(const Variable& v,
                                                 const std::vector<double>& numeric) {
    double largest = 0;
    std::size_t compared = 0;
    for (const double d : numeric) {
      if (std::isnan(d)) continue;
      largest = std::max(largest, std::abs(d));
      ++compared;
    }
    coordinates_ += static_cast<std::int64_t>(numeric.size());
    excluded_ += static_cast<std::int64_t>(numeric.size() - compared);
    if (compared == 0) {
      return testing::AssertionFailure() << v.name << ": every coordinate crosses a kink";
    }
    for (std::size_t i = 0; i < numeric.size(); ++i) {
      if (std::isnan(numeric[i])) continue;
      const double error = std::abs(v.gradient[i] - numeric[i]);
      if (!(error <= tolerance * largest)) {  // also for NaN
        return testing::AssertionFailure()
               << v.name << '[' << i << "]: analytic " << v.gradient[i] << ", numeric "
               << numeric[i] << ", largest of the tensor " << largest;
      }
      if (largest > 0) worst_ = std::max(worst_, error / largest);
    }
    return testing::AssertionSuccess();
  }

  std::uint64_t seed_;
  std::vector<Variable> variables_;
  std::vector<Output> outputs_;
  std::vector<std::span<const double>> relus_;
  std::deque<std::vector<double>> buffers_;
  std::int64_t coordinates_ = 0, excluded_ = 0;
  double worst_ = 0;
};

}  // namespace icl::test
