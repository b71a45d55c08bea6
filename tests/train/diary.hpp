#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cmath>
#include <cstring>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "icl/train/trainer.hpp"
#include "support/blas.hpp"

namespace icl::train {

inline constexpr auto infinite = config::Diversity::infinity();
inline const std::atomic<bool> go_on{false};

/// A run of twelve steps with an evaluation after every fourth.
inline config::Config small() {
  config::Config config;
  config.model.hidden = 16;
  config.data.K = 16;
  config.data.N = 6;
  config.data.D = 8;
  config.train.seed = 3;
  config.train.epochs = 3;
  config.train.steps_per_epoch = 4;
  config.train.batch_size = 10;
  config.train.learning_rate = 0.1;
  config.eval.sequences = 40;
  config.probe.sequences = 20;
  config.record.snapshots = 0;
  return config;
}

/// Acquires ICL or memorises within a thousand steps.
inline config::Config toy(config::Diversity item_count) {
  config::Config config;
  config.model.hidden = 64;
  config.data.K = item_count;
  config.data.N = 4;
  config.data.D = 16;
  config.train.seed = 1;
  config.train.epochs = 5;
  config.train.steps_per_epoch = 200;
  config.train.batch_size = 64;
  config.train.learning_rate = 0.2;
  config.eval.sequences = 500;
  config.record.snapshots = 0;
  return config;
}

/// Writes down all that it is told.
class Diary final : public Observer {
 public:
  void stepped(const StateView& view) override {
    note("step", view.progress().step);
    last_stepped = view.copy();
    if (on_step) on_step(view.progress());
  }
  void evaluating(const StateView& view) override {
    EXPECT_EQ(view.due(), Due::open);
    if (on_evaluating) on_evaluating(view.progress());
  }
  void evaluated(const Evaluation& e, const Progress& p) override {
    note("eval", e.step);
    EXPECT_EQ(p.step, e.step);
    evaluations.push_back(e);
    t_icl.push_back(p.t_icl_step);
    if (on_evaluated) on_evaluated(p);
  }
  void snapshot(const Snapshot& snapshot) override {
    note("snap", snapshot.step);
    snapshots.push_back(copy_values(snapshot.parameters));
  }
  void ended(Outcome o, const StateView& view) override {
    note("end", view.progress().step);
    outcome = o;
    last = view.copy();
    due = view.due();
  }

  std::string events;
  std::vector<Evaluation> evaluations;
  std::vector<std::optional<std::int64_t>> t_icl;  ///< as known at each evaluation
  std::vector<Values> snapshots;
  std::optional<Outcome> outcome;
  State last_stepped;
  State last;
  Due due = Due::recorded;  ///< of `last`
  std::function<void(const Progress&)> on_step, on_evaluating, on_evaluated;

 private:
  void note(const char* what, std::int64_t step) {
    events += (events.empty() ? "" : " ") + std::string(what) + std::to_string(step);
  }
};

inline Outcome run(Trainer& trainer, Diary& diary, const std::atomic<bool>& stop = go_on) {
  const std::array<Observer*, 1> observers{&diary};
  const Outcome outcome = trainer.run(observers, stop);
  EXPECT_EQ(diary.outcome, outcome);
  return outcome;
}

struct WholeRun {
  explicit WholeRun(const config::Config& config, int threads = 1)
      : trainer(config, Workers(threads)), outcome(run(trainer, diary)) {}

  Diary diary;
  Trainer trainer;
  Outcome outcome;
};

/// A run interrupted after `step` updates, and its state then.
struct Interrupted {
  Interrupted(const config::Config& config, std::int64_t step) : trainer(config, Workers(1)) {
    std::atomic<bool> stop{false};
    diary.on_step = [&](const Progress& p) { stop = p.step >= step; };
    diary.on_evaluated = [&](const Progress&) { stop = step == 0; };
    EXPECT_EQ(run(trainer, diary, stop), Outcome::interrupted);
    EXPECT_EQ(trainer.progress().step, step);
  }

  Diary diary;
  Trainer trainer;
};

inline std::vector<std::int64_t> steps_of(const Diary& diary) {
  std::vector<std::int64_t> steps;
  for (const Evaluation& e : diary.evaluations) steps.push_back(e.step);
  return steps;
}

using probe::Norms;

/// The norms of each parameter, as the probe reads them.
inline std::vector<Norms> norms_of(const Evaluation& evaluation) {
  std::vector<Norms> all;
  for (std::size_t i = 0; i < evaluation.probes.places.size(); ++i) {
    const auto& [column, parameter] = evaluation.probes.places[i];
    if (column->each != probe::Each::parameter) continue;
    all.resize(std::max(all.size(), parameter + 1));
    Norms& norms = all[parameter];
    (column->name == "norm"          ? norms.value
     : column->name == "update_norm" ? norms.update
                                     : norms.gradient) = evaluation.probes.values[i];
  }
  return all;
}

/// Equal, or both NaN.
inline bool equal(double a, double b) { return a == b || (std::isnan(a) && std::isnan(b)); }

inline bool equal(const Score& a, const Score& b) {
  return equal(a.loss, b.loss) && equal(a.accuracy, b.accuracy);
}

inline bool equal(const Evaluation& a, const Evaluation& b) {
  return a.step == b.step && equal(a.train, b.train) &&
         std::ranges::equal(a.sets, b.sets,
                            [](const Score& x, const Score& y) { return equal(x, y); }) &&
         std::ranges::equal(a.probes.values, b.probes.values,
                            [](double x, double y) { return equal(x, y); });
}

inline bool equal(const std::vector<Evaluation>& a, const std::vector<Evaluation>& b) {
  return std::ranges::equal(a, b,
                            [](const Evaluation& x, const Evaluation& y) { return equal(x, y); });
}

/// Unlike ==, tells 0 from -0.
inline bool same_bits(const std::vector<Real>& a, const std::vector<Real>& b) {
  return a.size() == b.size() && std::memcmp(a.data(), b.data(), a.size() * sizeof(Real)) == 0;
}

inline bool same_bits(const Values& a, const Values& b) {
  return std::ranges::equal(
      a, b, [](const std::vector<Real>& x, const std::vector<Real>& y) { return same_bits(x, y); });
}

inline bool finite(const Values& values) {
  return std::ranges::all_of(values, [](const std::vector<Real>& v) {
    return std::ranges::all_of(v, [](Real x) { return std::isfinite(x); });
  });
}

/// Expects a run interrupted after `step` updates and taken up by `threads` workers to be the whole
/// one, in all that observers see.
inline void expect_to_go_on_with_the_same_bits(const config::Config& config, const WholeRun& whole,
                                               std::int64_t step, int threads = 1) {
  SCOPED_TRACE(std::string(config::word(config.model.system)) + ", interrupted after step " +
               std::to_string(step));
  const Interrupted first(config, step);
  Trainer trainer(config, Workers(threads));
  trainer.restore(first.diary.last, Due::recorded);
  EXPECT_EQ(trainer.state(), first.diary.last);
  Diary diary;
  EXPECT_EQ(run(trainer, diary), Outcome::completed);
  EXPECT_EQ(diary.last, whole.diary.last);
  EXPECT_TRUE(same_bits(diary.last.parameters, whole.diary.last.parameters));
  auto evaluations = first.diary.evaluations;
  evaluations.insert(evaluations.end(), diary.evaluations.begin(), diary.evaluations.end());
  EXPECT_TRUE(equal(evaluations, whole.diary.evaluations));
  auto snapshots = first.diary.snapshots;
  snapshots.insert(snapshots.end(), diary.snapshots.begin(), diary.snapshots.end());
  EXPECT_EQ(snapshots, whole.diary.snapshots);
}

}  // namespace icl::train
