#include "sizes.hpp"

#include <algorithm>
#include <vector>

#include "icl/config/observers.hpp"
#include "icl/config/probe_set.hpp"
#include "icl/core/simd.hpp"
#include "icl/model/model.hpp"
#include "icl/probe/fixed_set.hpp"
#include "icl/probe/prober.hpp"
#include "icl/task/registry.hpp"
#include "icl/task/training_answers.hpp"
#include "icl/train/evaluator.hpp"
#include "icl/train/initial_beta.hpp"
#include "icl/train/metrics.hpp"
#include "icl/train/optimizer.hpp"
#include "icl/train/schedule.hpp"

namespace icl::run {

Sizes::Sizes(const config::Config& config)
    : config_(config),
      model_(model::describe_model(config)),
      parameters_(real_bytes * static_cast<double>(model::parameter_count(*model_))) {}

double Sizes::optimiser() const {
  if (moments() > 0) return (1 + moments()) * parameters_;
  return config_.train.clip_norm ? parameters_ : 0;
}

double Sizes::items(std::int64_t width) const {
  return task::definition_of(config::task_of(config_)).table_bytes(config_, width);
}

double Sizes::pass(std::int64_t sequences, bool own_tokens) const {
  const std::int64_t length = model_->reads_context() ? config_.data.N : 1;
  return model_->activation_bytes(sequences, length) +
         batch(sequences, model_->token_width(), own_tokens);
}

double Sizes::training_pass() const {
  const std::int64_t length = model_->reads_context() ? config_.data.N : 1;
  const std::int64_t sequences = config_.train.batch_size;
  double answers = 0;
  const task::TrainingAnswers asked(config_, sequences, Storage::on_paper(&answers));
  return model_->training_activation_bytes(sequences, length) + answers +
         batch(sequences, model_->token_width(), false);
}

double Sizes::batch(std::int64_t sequences, std::int64_t width, bool own_tokens) const {
  const std::int64_t length = model_->reads_context() ? config_.data.N : 1;
  double bytes = 0;
  static_cast<void>(task::definition_of(config::task_of(config_))
                        .room(config_, {length, config_.data.D, width, own_tokens}, sequences,
                              Storage::on_paper(&bytes)));
  return bytes;
}

double Sizes::observers(int threads) const {
  const auto names = config::observers_of(config_);
  if (names.empty()) return 0;
  const config::Asked asked = config::asked_of(config_);
  const auto numbers =
      static_cast<double>(asked.loss == config::LossKind::logistic ? 2 : asked.outputs);
  const auto sequences =
      static_cast<double>(std::min(train::Evaluator::chunk, config_.eval.sequences));
  double most = 0;
  for (const config::ObserverName name : names) {
    most =
        std::max(most, task::definition_of(config::task_of(config_)).answer_bytes(config_, name));
  }
  constexpr double of_both = 2;
  return of_both * sequences * numbers * number_bytes + threads * most;
}

double Sizes::probes() const {
  const auto probes = config::probes_of(config_);
  if (probes.empty()) return 0;
  const double of_update = probe::reads_update(config_) ? parameters_ : 0;
  if (!config::probes_sequences(config_)) return of_update;
  std::int64_t sequences = config_.probe.sequences;
  if (config::row_of(config::task_of(config_)).labels && !config_.data.K.is_infinite()) {
    sequences = std::min(sequences, config_.data.K.count());
  }
  constexpr double lists = 13;  // of a number for each sequence
  return pass(std::min(probe::Prober::chunk, sequences), true) +
         lists * number_bytes * static_cast<double>(sequences) + of_update;
}

double Sizes::snapshot() const {
  const probe::FixedCounts counts = probe::fixed_counts(config_);
  double numbers = 0;
  for (const auto& shape : probe::activation_shapes(config_)) {
    numbers +=
        static_cast<double>(counts.novel + counts.training) * static_cast<double>(shape.extent);
  }
  return parameters_ * (config_.record.optimizer ? copies_in_state() : 1) + numbers * real_bytes;
}

double Sizes::fixed_set() const {
  const probe::FixedCounts counts = probe::fixed_counts(config_);
  const std::int64_t count = std::max(counts.novel, counts.training);
  if (count == 0) return 0;
  const double tokens =
      static_cast<double>(counts.novel + counts.training) * static_cast<double>(config_.data.N);
  constexpr double copies = 2;  // in the trainer and in the record
  return pass(std::min(probe::FixedSet::chunk, count), true) +
         batch(std::min(probe::FixedSet::chunk, count), simd::padded(config_.data.D + 1), true) +
         copies * tokens * (static_cast<double>(config_.data.D) * real_bytes + 6) + snapshot() -
         parameters_;
}

double Sizes::snapshots_to(std::int64_t step) const {
  return static_cast<double>(train::snapshot_schedule(config_).count(step)) * snapshot();
}

double Sizes::record() const {
  const std::int64_t last = config::last_step(config_);
  const train::Schedule snapshots = train::snapshot_schedule(config_);
  const auto before_last =
      static_cast<double>(snapshots.count(last) - (snapshots.holds(last) ? 1 : 0));
  // Of a run without an end in sight, what its recorder makes room for at the start.
  constexpr std::int64_t most_rows = 1 << 20;
  const auto rows =
      static_cast<double>(std::min(train::evaluation_schedule(config_).count(last), most_rows));
  const auto parameters = model_->parameters();
  const std::vector<const nn::Parameter*> readable(parameters.begin(), parameters.end());
  const auto columns = static_cast<double>(train::metrics(config_, readable).size() + 1);
  return before_last * snapshot() + rows * columns * number_bytes;
}

double Sizes::state() const {
  const double copies = copies_in_state();
  return parameters_ * copies * (config_.eval.refine ? 2 : 1);
}

double Sizes::kept_for_refining() const {
  constexpr double before_and_now = 2;
  return config_.eval.refine ? before_and_now * copies_in_state() * parameters_ : 0;
}

double Sizes::moments() const {
  return static_cast<double>(train::moment_names(config_.train.optimizer).size());
}

}  // namespace icl::run
