#include "icl/precise/network.hpp"

#include <algorithm>
#include <cstddef>
#include <memory>
#include <optional>
#include <stdexcept>
#include <utility>

#include "icl/config/toml.hpp"
#include "icl/model/model.hpp"
#include "icl/task/registry.hpp"

namespace icl_precise {
namespace {

namespace model = icl::model;
namespace nn = icl::nn;
namespace task = icl::task;

nn::Attending attending_named(const std::string& name) {
  if (name == "learned") return nn::Attending::learned;
  if (name == "copy") return nn::Attending::copy;
  if (name == "uniform") return nn::Attending::uniform;
  if (name == "none") return nn::Attending::none;
  throw std::runtime_error("attention is clamped to no such thing as " + name);
}

task::ItemTable table_of(const Items& items) {
  return {items.classes,
          items.exemplars,
          items.dimension,
          {items.rows.begin(), items.rows.end()},
          {items.labels.begin(), items.labels.end()}};
}

std::optional<task::GivenItems> given_items(const Description& description) {
  if (description.training.classes == 0) return std::nullopt;
  return task::GivenItems{table_of(description.training), table_of(description.novel), {}};
}

class FixedSequences final : public Sequences {
 public:
  explicit FixedSequences(const Description& description)
      : config_(icl::config::parse(description.config, "the run's configuration")),
        attending_(attending_named(description.attending)),
        model_(model::make_model(config_)),
        task_(task::make_task(config_, given_items(description), *model_, icl::Workers(1))) {
    // A batch of fresh tokens points into itself: none is moved.
    batches_.reserve(static_cast<std::size_t>(description.batches));
    const std::int64_t size = description.batch_size;
    for (std::uint64_t step = 0xffffffff; std::cmp_less(batches_.size(), description.batches);) {
      icl::Batch& batch = batches_.emplace_back(task_->make_batch(size));
      task_->training_batch(step, size, batch, icl::Workers(1));
      const bool whole = batch.size == size;
      if (!whole) batches_.pop_back();
      step -= whole ? steps_covered_by(size) : 1;
    }
  }

  [[nodiscard]] std::int64_t parameters() const override { return model::parameter_count(*model_); }
  [[nodiscard]] std::span<const std::int32_t> answers(std::int64_t batch) const override {
    return this->batch(batch).answer.values();
  }
  [[nodiscard]] std::unique_ptr<Network> network() const override;

  [[nodiscard]] const icl::Batch& batch(std::int64_t m) const {
    return batches_[static_cast<std::size_t>(m)];
  }
  [[nodiscard]] const icl::config::Config& config() const { return config_; }
  [[nodiscard]] nn::Attending attending() const { return attending_; }
  [[nodiscard]] std::int64_t batch_size() const { return batches_.front().size; }
  [[nodiscard]] icl::Batch room() const { return task_->make_batch(batch_size()); }
  [[nodiscard]] std::int64_t length() const { return task_->length(); }

 private:
  /// The training steps that `size` sequences are those of: where an epoch goes through items in
  /// order, the sequences behind a step's own are the next step's.
  [[nodiscard]] std::uint64_t steps_covered_by(std::int64_t size) const {
    if (!config_.compat.s4_epoch) return 1;
    const std::int64_t own = config_.train.batch_size;
    return static_cast<std::uint64_t>((size + own - 1) / own);
  }

  icl::config::Config config_;
  nn::Attending attending_;
  std::unique_ptr<model::Model> model_;  ///< encodes the tokens; never run
  std::unique_ptr<task::Task> task_;
  std::vector<icl::Batch> batches_;
};

class OneNetwork final : public Network {
 public:
  explicit OneNetwork(const FixedSequences& sequences)
      : sequences_(sequences),
        model_(model::make_model(sequences.config())),
        parameters_(model_->parameters()),
        batch_(sequences.room()) {
    free_relus();
  }

  std::span<const double> forward(std::int64_t batch, std::int64_t first, std::int64_t count,
                                  std::span<const double> w) override {
    const double* from = w.data();
    for (nn::Parameter* parameter : parameters_) {
      std::copy_n(from, parameter->value.size(), parameter->value.data());
      from += parameter->value.size();
    }
    view(sequences_.batch(batch), first, count);
    model_->forward(batch_, *activations_, icl::Workers(1));
    return activations_->logits.values().first(static_cast<std::size_t>(count));
  }

  void backward(std::span<const double> dz, std::span<double> g) override {
    std::ranges::copy(dz, activations_->dlogits.data());
    double* to = g.data();
    for (nn::Parameter* parameter : parameters_) {
      parameter->sink = {.target = to, .rate = 1, .decay = 0, .accumulate = false};
      to += parameter->value.size();
    }
    // Where attention is clamped, what makes its scores gets no gradient.
    std::ranges::fill(g, 0.0);
    model_->backward(batch_, *activations_, icl::Workers(1));
    to = g.data();
    for (const nn::Parameter* parameter : parameters_) {
      if (parameter->frozen) std::fill_n(to, parameter->value.size(), 0.0);
      to += parameter->value.size();
    }
  }

  void hold_relus() override { activations_->hold_relus(); }
  void free_relus() override {
    activations_ = model_->make_activations(sequences_.batch_size(), sequences_.length());
    activations_->attending = sequences_.attending();
  }

 private:
  /// Makes batch_ the sequences first, ..., first + count - 1 of a batch; tokens stay where they
  /// are.
  void view(const icl::Batch& all, std::int64_t first, std::int64_t count) {
    batch_.size = count;
    batch_.table = all.table;
    const std::int64_t length = all.length;
    std::copy_n(all.items.data() + first * length, count * length, batch_.items.data());
    std::copy_n(all.answer.data() + first, count, batch_.answer.data());
    std::copy_n(all.copy.data() + first * (length - 1), count * (length - 1), batch_.copy.data());
  }

  const FixedSequences& sequences_;
  std::unique_ptr<model::Model> model_;
  std::vector<nn::Parameter*> parameters_;
  icl::Batch batch_;
  std::unique_ptr<model::Activations> activations_;
};

std::unique_ptr<Network> FixedSequences::network() const {
  return std::make_unique<OneNetwork>(*this);
}

}  // namespace

std::unique_ptr<Sequences> make_sequences(const Description& description) {
  return std::make_unique<FixedSequences>(description);
}

}  // namespace icl_precise
