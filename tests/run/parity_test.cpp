// Runs of this library against the same runs in PyTorch, in float64: data/golden, whose README.md
// says how they were made and where the float tolerances come from.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <filesystem>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "icl/config/toml.hpp"
#include "icl/model/model.hpp"
#include "icl/nn/loss.hpp"
#include "icl/store/file.hpp"
#include "icl/store/hdf5_reader.hpp"
#include "icl/task/registry.hpp"
#include "icl/task/seeds.hpp"
#include "icl/task/training_answers.hpp"
#include "icl/train/interventions.hpp"
#include "icl/train/optimizer.hpp"
#include "icl/train/schedule.hpp"
#include "icl/train/trainer.hpp"
#include "support/blas.hpp"
#include "support/sinks.hpp"

namespace icl::run {
namespace {

constexpr bool is_double = sizeof(Real) == sizeof(double);
constexpr double double_tolerance = 1e-12;
const Workers workers(1);

/// PyTorch's numbers of one tensor, and how far from them a float build may be, relative to the
/// largest.
struct Reference {
  std::vector<double> values;
  double float_tolerance;
};
/// By torch name.
using References = std::map<std::string, Reference>;
using Tensors = std::map<std::string, std::vector<double>>;

struct Golden {
  config::Config config;
  std::map<std::string, std::vector<float>> initial;  ///< weights before the first step
  Reference logits;                                   ///< [T, B], or as many answers and outputs
  Reference loss;                                     ///< [T]
  References gradient_first, gradient_last, weights;  ///< weights: after the last step
};

Golden read_golden(const std::string& name) {
  const auto path = std::filesystem::path(ICL_GOLDEN_DIR) / (name + ".h5");
  const std::vector<std::byte> image = store::read_file(path);
  const store::Hdf5Reader file(image, path.string());
  const auto reference = [&](const std::string& dataset) {
    return Reference{file.read<double>(dataset, file.shape(dataset)),
                     file.attribute<double>(dataset, "float_tolerance")};
  };
  const auto group = [&](const std::string& at) {
    References all;
    for (const store::Child& child : file.children(at)) {
      all.emplace(child.name, reference(at + "/" + child.name));
    }
    return all;
  };
  Golden golden{config::parse(file.text("/config"), path.string() + ":/config"),
                {},
                reference("/logits"),
                reference("/loss"),
                group("/gradient_first"),
                group("/gradient_last"),
                group("/weights")};
  for (const store::Child& child : file.children("/initial")) {
    const std::string dataset = "/initial/" + child.name;
    golden.initial.emplace(child.name, file.read<float>(dataset, file.shape(dataset)));
  }
  return golden;
}

/// What this library makes of a golden file's configuration.
struct Numbers {
  Tensors initial, gradient_first, gradient_last, weights;
  std::vector<double> logits, loss;
};

Tensors values_of(std::span<nn::Parameter* const> parameters) {
  Tensors all;
  for (const nn::Parameter* p : parameters) {
    all.emplace(p->name, std::vector<double>(p->value.values().begin(), p->value.values().end()));
  }
  return all;
}

/// Trains as train::Trainer does, and looks at what that does not show: logits and gradients.
class Steps {
 public:
  explicit Steps(const config::Config& config)
      : config_(config),
        model_(model::make_model(config)),
        parameters_(model_->parameters()),
        task_(task::make_task(config, std::nullopt, *model_, workers)),
        optimizer_(train::make_optimizer(config.train, parameters_)),
        interventions_(config.intervene, parameters_),
        batch_(task_->make_batch(config.train.batch_size)),
        answers_(config, config.train.batch_size),
        activations_(model_->make_training_activations(config.train.batch_size, task_->length())) {
    model_->initialise(task::Seeds(config).init);
  }

  Numbers run() {
    const std::int64_t last = config_.train.epochs * config_.train.steps_per_epoch - 1;
    Numbers numbers;
    numbers.initial = values_of(parameters_);
    for (std::int64_t step = 0; step <= last; ++step) {
      task_->training_batch(static_cast<std::uint64_t>(step), config_.train.batch_size, batch_,
                            workers);
      numbers.loss.push_back(forward());
      const auto logits = activations_->logits.values();
      numbers.logits.insert(numbers.logits.end(), logits.begin(), logits.end());
      if (step == 0) numbers.gradient_first = gradients();
      if (step == last) numbers.gradient_last = gradients();
      optimizer_->prepare(interventions_.factors(step, train::rate_share(config_, step)));
      model_->backward(batch_, *activations_, workers);
      optimizer_->finish(workers);
    }
    numbers.weights = values_of(parameters_);
    return numbers;
  }

 private:
  /// Up to dlogits; returns the mean loss.
  double forward() {
    model_->forward(batch_, *activations_, workers);
    const nn::Loss loss(config::asked_of(config_));
    const Tensor& z = activations_->logits;
    const Answers asked = answers_.of(batch_);
    loss.gradient(asked, z, activations_->dlogits);
    return loss.sums(asked, z).loss / static_cast<double>(asked.count);
  }

  /// All gradients of the batch as forward() left it, and back to where forward() left it.
  Tensors gradients() {
    std::vector<Tensor> buffers(parameters_.size());
    for (std::size_t i = 0; i < buffers.size(); ++i)
      test::set_gradient(*parameters_[i], buffers[i]);
    model_->backward(batch_, *activations_, workers);
    Tensors all;
    for (std::size_t i = 0; i < buffers.size(); ++i) {
      if (parameters_[i]->frozen) continue;
      const auto g = buffers[i].values();
      all.emplace(parameters_[i]->name, std::vector<double>(g.begin(), g.end()));
    }
    forward();
    return all;
  }

  config::Config config_;
  std::unique_ptr<model::Model> model_;
  std::vector<nn::Parameter*> parameters_;
  std::unique_ptr<task::Task> task_;
  std::unique_ptr<train::Optimizer> optimizer_;
  train::Interventions interventions_;
  Batch batch_;
  task::TrainingAnswers answers_;
  std::unique_ptr<model::Activations> activations_;
};

/// Largest |ours - torch| relative to the largest |torch|; NaN if anything is NaN, infinite if the
/// sizes differ.
double relative_error(const Reference& reference, const std::vector<double>& ours) {
  if (reference.values.empty() || reference.values.size() != ours.size()) return INFINITY;
  double error = 0;
  double size = 0;
  for (std::size_t i = 0; i < ours.size(); ++i) {
    const double difference = std::abs(ours[i] - reference.values[i]);
    if (std::isnan(difference)) return NAN;
    error = std::max(error, difference);
    size = std::max(size, std::abs(reference.values[i]));
  }
  return error / size;
}

testing::AssertionResult agrees(const Reference& reference, const std::vector<double>& ours) {
  const double error = relative_error(reference, ours);
  const double tolerance = is_double ? double_tolerance : reference.float_tolerance;
  return (error <= tolerance ? testing::AssertionSuccess() : testing::AssertionFailure())
         << "off by " << error << " of the tensor's largest magnitude, where rounding explains "
         << tolerance;
}

/// The worst error of a kind goes into the test's XML report.
void record_worst(const std::string& kind, double error) {
  testing::Test::RecordProperty("worst_" + kind, testing::PrintToString(error));
}

void expect_agreement(const std::string& kind, const Reference& reference,
                      const std::vector<double>& ours) {
  EXPECT_TRUE(agrees(reference, ours)) << kind;
  record_worst(kind, relative_error(reference, ours));
}

void expect_agreement(const std::string& kind, const References& references, const Tensors& ours) {
  EXPECT_EQ(references.size(), ours.size()) << kind;
  double worst = 0;
  for (const auto& [name, values] : ours) {
    const auto reference = references.find(name);
    ASSERT_NE(reference, references.end()) << kind << ' ' << name << " is not in the golden file";
    EXPECT_TRUE(agrees(reference->second, values)) << kind << ' ' << name;
    worst = std::max(worst, relative_error(reference->second, values));
  }
  record_worst(kind, worst);
}

bool same_initial_weights(const Golden& golden, const Numbers& ours) {
  return std::ranges::equal(golden.initial, ours.initial, [](const auto& a, const auto& b) {
    return a.first == b.first && std::ranges::equal(a.second, b.second);
  });
}

class Parity : public testing::TestWithParam<const char*> {
 protected:
  void SetUp() override {
    ASSERT_TRUE(same_initial_weights(golden_, ours_))
        << "the initial weights are no longer those that PyTorch trained from: run "
           "make -f Makefile.ci golden";
  }
  const Golden golden_ = read_golden(GetParam());
  const Numbers ours_ = Steps(golden_.config).run();
};

TEST_P(Parity, LogitsAndLossOfEveryStep) {
  expect_agreement("logits", golden_.logits, ours_.logits);
  expect_agreement("loss", golden_.loss, ours_.loss);
}

TEST_P(Parity, GradientsOfFirstAndLastStep) {
  expect_agreement("gradient_first", golden_.gradient_first, ours_.gradient_first);
  expect_agreement("gradient_last", golden_.gradient_last, ours_.gradient_last);
}

TEST_P(Parity, WeightsAfterTheLastStep) {
  expect_agreement("weights", golden_.weights, ours_.weights);
}

TEST_P(Parity, TrainerMakesTheSameSteps) {
  train::Trainer trainer(golden_.config, workers);
  ASSERT_TRUE(trainer.replay(trainer.last_step()));
  EXPECT_EQ(values_of(trainer.parameters()), ours_.weights);
}

/// The test of the test: an error of one entry, far below what a figure would show, is found.
TEST_P(Parity, OneWrongEntryOfAGradientIsRejected) {
  constexpr double fault = is_double ? 1e-9 : 1e-3;
  for (const auto& [references, ours] : {std::pair(&golden_.gradient_first, &ours_.gradient_first),
                                         std::pair(&golden_.gradient_last, &ours_.gradient_last)}) {
    for (const auto& [name, reference] : *references) {
      Reference wrong = reference;
      const auto magnitude = [](double a, double b) { return std::abs(a) < std::abs(b); };
      const double largest = std::abs(*std::ranges::max_element(reference.values, magnitude));
      wrong.values[wrong.values.size() / 2] += fault * largest;
      EXPECT_TRUE(agrees(reference, ours->at(name))) << name;
      EXPECT_FALSE(agrees(wrong, ours->at(name))) << name;
    }
  }
}

INSTANTIATE_TEST_SUITE_P(
    Golden, Parity,
    testing::Values("plain", "decay", "infinite", "scalar", "adam", "adamw", "clipped",
                    "adam_clipped", "two_layers", "three_layers", "scalar_beta", "scalar_beta_code",
                    "minimal", "minimal_self", "memoriser", "blocks", "blocks_one_layer",
                    "blocks_heads", "blocks_rotary", "blocks_sinusoidal", "blocks_linear",
                    "blocks_inner", "blocks_interleaved", "blocks_interleaved_adamw",
                    "blocks_clipped", "blocks_labels", "blocks_labels_linear",
                    "blocks_labels_interleaved", "blocks_reddy", "blocks_chains_every",
                    "blocks_items_every", "blocks_regression", "blocks_regression_every"),
    [](const auto& test) { return std::string(test.param); });

TEST(ParityComparison, RejectsWhatCannotBeCompared) {
  const Reference reference{{1, -2}, 1};
  EXPECT_TRUE(agrees(reference, {1, -2}));
  EXPECT_FALSE(agrees(reference, {1}));
  EXPECT_FALSE(agrees(reference, {1, -2, 0}));
  EXPECT_FALSE(agrees(reference, {1, NAN}));
  EXPECT_FALSE(agrees(reference, {INFINITY, -2}));
  EXPECT_FALSE(agrees({{NAN, -2}, 1}, {1, -2}));
  EXPECT_FALSE(agrees({{}, 1}, {}));
  EXPECT_FALSE(agrees({{0, 0}, 1}, {0, 0}));  // nothing to be relative to
}

}  // namespace
}  // namespace icl::run
