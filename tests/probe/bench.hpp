#pragma once

#include <gtest/gtest.h>

#include <cmath>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "icl/probe/prober.hpp"
#include "icl/task/item_label.hpp"
#include "icl/task/seeds.hpp"
#include "support/blas.hpp"
#include "support/rounding.hpp"

namespace icl::probe {

using nn::Attending;
using task::CopyLabel;

inline constexpr std::int64_t some_step = 469;

inline config::Config configuration(const std::string& system, config::Diversity item_count = 16) {
  config::Config config;
  config.model.system = config::choice_of<config::System>(system).value();
  config.model.hidden = 24;
  config.model.beta0 = 1.5;
  config.model.w0 = 2.25;
  config.data.K = item_count;
  config.data.N = 6;
  config.data.D = 8;
  config.probe.sequences = 100;
  return config;
}

/// Logits of some sequences, and where their targets looked.
struct Pass {
  std::vector<double> z;
  std::vector<double> y;                ///< answers
  std::vector<std::vector<double>> a;   ///< weights; none without attention
  std::vector<std::vector<bool>> copy;  ///< of each context token

  [[nodiscard]] std::vector<double> margins() const {
    std::vector<double> all;
    for (std::size_t i = 0; i < z.size(); ++i) all.push_back(y[i] * z[i]);
    return all;
  }
};

/// A model with large enough MLP outputs for its margins to differ, its task and a prober.
struct Bench {
  explicit Bench(const config::Config& c)
      : config(c),
        model(model::make_model(c)),
        task(c, std::nullopt, *model, workers),
        prober(c, task, *model) {
    model->initialise(task::Seeds(c).init);
    for (nn::Parameter* p : model->parameters()) {
      if (p->name.starts_with("mlp")) {
        for (Real& x : p->value.values()) x *= Real{2};
      }
    }
  }

  [[nodiscard]] Reading read(Attending attending = Attending::learned) {
    return prober.read(*model, some_step, attending, memory, workers);
  }
  [[nodiscard]] Reading read_at(std::int64_t step, const Workers& others) {
    return prober.read(*model, step, Attending::learned, memory, others);
  }

  using Fill = std::function<void(Batch&)>;
  /// A forward pass over `count` sequences at once.
  [[nodiscard]] Pass pass(std::int64_t count, Attending attending, const Fill& fill) const {
    Batch batch = task.make_batch(count, task::Tokens::in_the_batch);
    const auto activations = model->make_activations(count, task.length());
    fill(batch);
    activations->attending = attending;
    model->forward(batch, *activations, workers);
    Pass pass;
    for (std::int64_t b = 0; b < count; ++b) {
      pass.z.push_back(activations->logits[b]);
      pass.y.push_back(batch.answer[b]);
      if (activations->attention() == nullptr) continue;
      const Real* a = activations->attention()->row(b);
      pass.a.emplace_back(a, a + task.length());
      const std::uint8_t* copy = batch.copy.row(b);
      pass.copy.emplace_back(copy, copy + task.length() - 1);
    }
    return pass;
  }
  [[nodiscard]] Pass probe_pass(Attending attending, CopyLabel label = CopyLabel::its_own) const {
    const std::int64_t count = task.probe_sequences();
    return pass(count, attending, [&](Batch& batch) {
      task.probe_batch(some_step, 0, count, label, batch, workers);
    });
  }

  Workers workers{1};
  config::Config config;
  std::unique_ptr<model::Model> model;
  task::ItemLabelTask task;
  Prober prober;
  Memory memory;
};

[[nodiscard]] inline Spread spread_in(const Reading& reading, const char* mean,
                                      const char* deviation) {
  return {reading[mean], reading[deviation]};
}
[[nodiscard]] inline Score score_in(const Reading& reading, const std::string& what) {
  return {reading[what + "_loss"], reading[what + "_accuracy"]};
}

inline double mean(const std::vector<double>& x) {
  double sum = 0;
  for (const double v : x) sum += v;
  return sum / static_cast<double>(x.size());
}

inline double deviation(const std::vector<double>& x) {
  const double center = mean(x);
  double squares = 0;
  for (const double v : x) squares += (v - center) * (v - center);
  return std::sqrt(squares / static_cast<double>(x.size()));
}

/// Means in double of at most a few hundred numbers of order one, in another order.
inline constexpr double double_tolerance = 1e-12;

inline void expect_spread(const Spread& spread, const std::vector<double>& of, double tolerance) {
  EXPECT_NEAR(spread.mean, mean(of), tolerance);
  // Near 0 the root of a sum of squares has the errors of its terms, not their squares.
  EXPECT_NEAR(spread.deviation, deviation(of), tolerance);
}

/// Equal in all columns, or both NaN.
inline void expect_equal(const Reading& a, const Reading& b) {
  ASSERT_EQ(a.values.size(), b.values.size());
  for (std::size_t i = 0; i < a.values.size(); ++i) {
    const double x = a.values[i];
    const double y = b.values[i];
    EXPECT_TRUE(x == y || (std::isnan(x) && std::isnan(y)))
        << a.places[i].column->name << ": " << x << ", " << y;
  }
}

}  // namespace icl::probe
