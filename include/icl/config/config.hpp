#pragma once

#include <compare>
#include <cstdint>
#include <optional>
#include <string>

#include "icl/config/blocks.hpp"
#include "icl/config/choice.hpp"
#include "icl/config/eval_set.hpp"
#include "icl/config/intervention.hpp"
#include "icl/config/names.hpp"
#include "icl/config/optimizer.hpp"
#include "icl/config/steps.hpp"
#include "icl/config/system.hpp"
#include "icl/config/task.hpp"

namespace icl::config {

/// The task diversity K: a number of items, or infinity (fresh items in every sequence).
class Diversity {
 public:
  constexpr Diversity(std::int64_t count) : count_(count) {}  // NOLINT(google-explicit-constructor)
  [[nodiscard]] static constexpr Diversity infinity() { return Diversity(infinite); }
  [[nodiscard]] constexpr bool is_infinite() const { return count_ == infinite; }
  /// Number of items; call only when finite.
  [[nodiscard]] constexpr std::int64_t count() const { return count_; }
  friend constexpr auto operator<=>(Diversity, Diversity) = default;

 private:
  static constexpr std::int64_t infinite = INT64_MAX;
  std::int64_t count_;
};

struct Model {
  System system = System::one_layer;
  std::int64_t hidden = 512;
  std::int64_t layers = 2;
  std::optional<double> beta0;
  double w0 = 0;
  bool attend_self = false;
  bool operator==(const Model&) const = default;
};

/// How the initial parameters differ from those that are drawn.
struct Init {
  std::optional<double> beta0;
  bool operator==(const Init&) const = default;
};

struct Data {
  Diversity K = 10000;
  std::int64_t N = 100;
  std::int64_t D = 63;
  LabelRule labels = LabelRule::independent;
  LabelCode label_code = LabelCode::onehot;
  double noise = 0;
  double zipf = 0;
  double bursty = 1;
  std::optional<std::string> items;
  std::optional<std::string> novel_items;
  double novel_fraction = 0.2;
  ItemScale scale = ItemScale::unit;
  std::optional<Layout> layout;
  std::optional<std::int64_t> label_count;
  std::optional<LabelVectors> label_vectors;
  std::optional<std::int64_t> copies;
  std::optional<double> novel;
  std::optional<TaskKind> task;
  std::optional<double> concentration;
  bool operator==(const Data&) const = default;
};

struct Train {
  std::int64_t seed = 0;
  std::int64_t epochs = 1000;
  std::int64_t steps_per_epoch = 469;
  std::int64_t batch_size = 128;
  Optimizer optimizer = Optimizer::sgd;
  double learning_rate = 0.01;
  double weight_decay_attention = 1e-10;
  double weight_decay_mlp = 1e-10;
  double adam_beta1 = 0.9;
  double adam_beta2 = 0.999;
  double adam_epsilon = 1e-8;
  RateSchedule schedule = RateSchedule::constant;
  std::int64_t warmup = 0;
  std::optional<double> clip_norm;
  std::optional<LossAt> loss_at;
  bool operator==(const Train&) const = default;
};

struct Eval {
  std::int64_t sequences = 2000;
  std::optional<std::int64_t> every;
  std::int64_t log_points = 0;
  bool refine = false;
  std::optional<EvalSets> set;
  bool operator==(const Eval&) const = default;
};

struct Stop {
  std::optional<double> icl_accuracy;
  std::optional<double> c1;
  bool operator==(const Stop&) const = default;
};

/// What is read off the network at an evaluation, beside losses and accuracies.
struct Probe {
  std::int64_t sequences = 256;
  std::optional<Names> record;
  bool operator==(const Probe&) const = default;
};

/// What is done to the network while it trains: see intervention.hpp.
struct Intervene {
  std::optional<Freezes> freeze;
  std::optional<Clamps> clamp;
  std::optional<Rates> rate;
  bool operator==(const Intervene&) const = default;
};

struct Record {
  std::int64_t snapshots = 12;
  std::optional<std::int64_t> snapshot_every;
  std::optional<Steps> snapshot_steps;
  bool optimizer = false;
  std::optional<Names> activations;
  std::int64_t probe_set = 128;
  std::optional<Names> observers;
  std::optional<double> publish_seconds;
  bool operator==(const Record&) const = default;
};

/// Seeds of the independent streams; an absent one is derived from train.seed (see task/seeds.hpp).
struct Seed {
  std::optional<std::int64_t> init;
  std::optional<std::int64_t> items;
  std::optional<std::int64_t> labels;
  std::optional<std::int64_t> novel;
  std::optional<std::int64_t> data;
  std::optional<std::int64_t> eval;
  std::optional<std::int64_t> probe;
  bool operator==(const Seed&) const = default;
};

/// Behaviour of the published code where ours differs.
struct Compat {
  bool frozen_readout = false;
  bool s4_epoch = false;
  bool short_last_batch = false;
  bool item_seeds = false;
  bool operator==(const Compat&) const = default;
};

/// Everything that determines a run. Defaults are those of Nguyen & Reddy (2024); each member is
/// described (doc, unit, range) by one row of the table in fields.cpp.
struct Config {
  Model model;
  Blocks blocks;
  Init init;
  Data data;
  Train train;
  Eval eval;
  Probe probe;
  Intervene intervene;
  Stop stop;
  Record record;
  Seed seed;
  Compat compat;
  bool operator==(const Config&) const = default;
};

/// The task of a run: data.task, or labels where it is absent.
[[nodiscard]] constexpr TaskKind task_of(const Config& config) {
  return config.data.task.value_or(TaskKind::labels);
}

/// Where training asks for answers: train.loss_at, or behind the last token where it is absent.
[[nodiscard]] constexpr LossAt loss_at(const Config& config) {
  return config.train.loss_at.value_or(LossAt::query);
}

/// All steps of a run.
[[nodiscard]] constexpr std::int64_t last_step(const Config& config) {
  return config.train.epochs * config.train.steps_per_epoch;
}

}  // namespace icl::config
