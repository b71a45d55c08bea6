#include "icl/run/footprint.hpp"

#include <gmock/gmock.h>

#include <algorithm>

#include "icl/config/system.hpp"
#include "icl/core/error.hpp"
#include "icl/model/model.hpp"
#include "support/errors.hpp"

namespace icl::run {
namespace {

double part(const Footprint& parts, std::string_view what) {
  const auto at = std::ranges::find(parts, what, &MemoryPart::what);
  return at == parts.end() ? 0 : at->bytes;
}

config::Config config_of(std::string_view system) {
  config::Config config;
  config.model.system = config::choice_of<config::System>(system).value();
  return config;
}

/// Whether each part is as large as before but for those named, which have grown.
void expect_grown(const config::Config& before, const config::Config& after,
                  const std::vector<std::string>& names) {
  const Footprint a = footprint_of_training(before, 1);
  const Footprint b = footprint_of_training(after, 1);
  for (const MemoryPart& p : b) {
    if (std::ranges::find(names, p.what) != names.end()) {
      EXPECT_GT(p.bytes, part(a, p.what)) << p.what;
    } else {
      EXPECT_EQ(p.bytes, part(a, p.what)) << p.what;
    }
  }
  for (const std::string& name : names) EXPECT_GT(part(b, name), 0) << name;
}

TEST(Footprint, FollowsTheKeysThatEachPartNames) {
  const config::Config base = config_of("one_layer");
  config::Config c = base;
  c.data.K = 1000000;
  expect_grown(base, c, {"items"});
  c = base;
  c.train.batch_size = 4096;
  expect_grown(base, c, {"training batch"});
  c = base;
  c.record.snapshots = 500;
  expect_grown(base, c, {"snapshots and metrics", "file as published"});
  c = base;
  c.train.optimizer = config::Optimizer::adam;
  expect_grown(base, c, {"optimiser", "state", "file as published"});
  c = base;
  c.eval.refine = true;
  expect_grown(base, c, {"refining", "state", "file as published"});
  c = base;
  c.init.beta0 = 1;
  expect_grown(base, c, {"initial beta"});
  c = base;
  c.probe.record = "norms";
  // A gradient, and no sequences.
  EXPECT_EQ(part(footprint_of_training(c, 1), "probes"),
            part(footprint_of_training(c, 1), "parameters"));
  c = base;
  c.data.K = config::Diversity::infinity();
  EXPECT_EQ(part(footprint_of_training(c, 1), "items"), 0);
  EXPECT_GT(part(footprint_of_training(c, 1), "training batch"),
            part(footprint_of_training(base, 1), "training batch"));
}

TEST(Footprint, OfTrainingAtEveryPositionIsThatOfItsBatchAlone) {
  config::Config base = config_of("blocks");
  base.data.layout = config::Layout::interleaved;
  config::Config c = base;
  c.train.loss_at = config::LossAt::every;
  expect_grown(base, c, {"training batch"});
  // Beside what the model takes, a label of each item.
  const auto of_model = [](const config::Config& config) {
    return model::describe_model(config)->training_activation_bytes(config.train.batch_size,
                                                                    config.data.N);
  };
  const auto labels = static_cast<double>(c.train.batch_size * c.data.N) * sizeof(Label);
  EXPECT_EQ(part(footprint_of_training(c, 1), "training batch") - of_model(c),
            part(footprint_of_training(base, 1), "training batch") - of_model(base) + labels);
}

TEST(Footprint, OfARunWithoutAnEndInSightIsNotThatOfAllItsEvaluations) {
  config::Config c = config_of("one_layer");
  c.train.epochs = 400000000;
  EXPECT_LT(bytes_of(footprint_of_training(c, 1)), 2e9);
}

TEST(Footprint, CountsTablesAndParametersToTheByte) {
  config::Config c = config_of("one_layer");
  c.data.K = 100000;
  c.data.D = 63;
  // [K, 64] floats with and without label, those of 20000 novel items, and the labels.
  constexpr double tables = 120000.0 * (2 * 64 * sizeof(Real) + sizeof(Label));
  EXPECT_EQ(part(footprint_of_training(c, 1), "items"), tables);
  c.record.observers = "memoriser";
  EXPECT_EQ(part(footprint_of_training(c, 1), "items"), tables + 100000.0 * (63 * 4 + 4))
      << "the observer's own rows and labels";
  c.model.hidden = 1000;
  const double x = 65;
  const double numbers = 2 * x + 3 * x * x + 1000 * (x + 1) + 1000 * 1001.0 + 1001;
  EXPECT_EQ(part(footprint_of_training(c, 1), "parameters"), sizeof(Real) * numbers);
}

TEST(Footprint, CountsTheTokensOfSymbolsAlsoWhereEachLatentIsFresh) {
  config::Config c = config_of("blocks");
  c.data.D = 2048;
  c.data.K = config::Diversity::infinity();
  for (const config::TaskKind task : {config::TaskKind::chains, config::TaskKind::urns}) {
    c.data.task = task;
    EXPECT_GE(part(footprint_of_training(c, 1), "items"), 2 * 2048.0 * 2048 * sizeof(Real));
  }
}

// Evaluations are of 100 sequences at a time.
TEST(Footprint, CountsWhatObserversTakeInEachThreadToTheByte) {
  const auto of = [](config::TaskKind task, const char* names, int threads) {
    config::Config c = config_of("blocks");
    c.eval.sequences = 100;
    c.data.task = task;
    c.data.K = 100000;
    c.data.D = 50;
    c.data.N = 20;
    c.record.observers = names;
    return part(footprint_of_training(c, threads), "observers");
  };
  using enum config::TaskKind;
  const double answers = 100 * 2 * 8;  // of a number each, of the observer and of the network
  EXPECT_EQ(of(chains, "bigram_retrieval, unigram_inference", 3), 50 * answers + 3 * 2e5 * 8);
  EXPECT_EQ(of(chains, "bigram_inference, unigram_inference", 3), 50 * answers + 3 * 2500 * 8);
  EXPECT_EQ(of(urns, "inference", 3), 50 * answers + 3 * 50 * 8);
  EXPECT_EQ(of(urns, "retrieval, inference", 2), 50 * answers + 2 * 2e5 * 8);
  EXPECT_EQ(of(regression, "dmmse", 2), answers + 2 * (2e5 + 20 * 52) * 8);
  EXPECT_EQ(of(regression, "ridge", 2), answers + 2 * (20 * 52 + 50 * 52) * 8);
  EXPECT_EQ(of(labels, "memoriser, copier", 2), 2 * answers + 2 * (1e5 * 8 + 50 * 4 + 2 * 8));
  EXPECT_EQ(of(labels, "copier", 1), 2 * answers + 20 * (50 * 4 + 4 + 8) + 50 * 4 + 2 * 8);
}

TEST(Footprint, OfTheLargestConfigurationsIsComputedAtOnce) {
  for (const config::SystemRow& system : config::systems) {
    config::Config c = config_of(system.name);
    c.data.K = (std::int64_t{1} << 31U) - 2;
    c.data.N = c.data.D = c.model.hidden = c.train.batch_size = 65536;
    c.model.layers = 64;
    EXPECT_GT(bytes_of(footprint_of_training(c, 64)), 1e14) << system.name;
    EXPECT_GT(bytes_of(footprint_of_verifying(c, 1)), bytes_of(footprint_of_training(c, 1)));
    EXPECT_GT(bytes_of(footprint_of_branching(c, 1)), bytes_of(footprint_of_training(c, 1)));
    EXPECT_GT(bytes_of(footprint_of_replaying(c, 1)), 1e14) << system.name;
    EXPECT_GT(bytes_of(footprint_of_exporting(c, {.items = true, .batches = {0}}, 0)), 1e14);
  }
}

TEST(Footprint, OfExportedWeightsCountsParametersAlone) {
  const config::Config base = config_of("one_layer");
  config::Config c = base;
  c.record.activations = "attention,hidden_2";
  c.record.probe_set = 60000;
  const ExportRequest weights{.weights = {5, 7}};
  for (const int threads : {0, 1}) {
    const Footprint plain = footprint_of_exporting(base, weights, threads);
    const Footprint found = footprint_of_exporting(c, weights, threads);
    EXPECT_EQ(part(found, "fixed set"), 0);
    EXPECT_EQ(part(found, "weights"), part(plain, "weights"));
    EXPECT_GT(part(found, "recorded run"), part(plain, "recorded run"));
  }
  // Items are made where something is drawn from them, and where training goes on with them.
  EXPECT_EQ(part(footprint_of_exporting(base, weights, 0), "items"), 0);
  EXPECT_GT(part(footprint_of_exporting(base, weights, 1), "items"), 0);
  EXPECT_GT(part(footprint_of_exporting(base, {.batches = {0}}, 0), "items"), 0);
}

TEST(Footprint, OfLengtheningCountsAllThatPlannedSnapshotsHold) {
  config::Config c = config_of("one_layer");
  c.record.snapshots = 0;
  c.record.snapshot_every = 10;
  const auto planned = [&] {
    config::Config longer = c;
    longer.train.epochs += 1;
    return part(footprint_of_lengthening(c, longer, 105, 1), "planned snapshots");
  };
  const double numbers = planned() / 11;
  EXPECT_EQ(numbers, bytes_of_snapshot(c));
  c.train.optimizer = config::Optimizer::adam;
  c.record.optimizer = true;
  EXPECT_EQ(planned(), 11 * 3 * numbers);
  c.record.activations = "logit";
  EXPECT_EQ(planned(), 11 * (3 * numbers + 128 * sizeof(Real)));
}

TEST(RequireMemory, SaysWhatIsNeededWhatThereIsAndWhichKeysCount) {
  config::Config c = config_of("one_layer");
  c.data.K = 10000000;
  const Footprint parts = footprint_of_training(c, 1);
  const std::vector<MemoryBound> bounds{{"the control group of this process", 2e9, 1.9e9, true},
                                        {"this machine", 64e9, 60e9, true}};
  const std::string said =
      test::message_of(ExitCode::resources, [&] { require_memory(parts, "this run", bounds); });
  EXPECT_THAT(said, testing::StartsWith("this run takes up to 5.2 GB of memory, but the "
                                        "control group of this process has 1.9 GB left "
                                        "of 2.0 GB"));
  EXPECT_THAT(said, testing::HasSubstr("items 5.2 GB (data.K, data.D, data.items)"));
  EXPECT_THAT(said, testing::HasSubstr("--ignore-memory-limit"));
  EXPECT_THAT(said, testing::Not(testing::HasSubstr("evaluation")));
}

TEST(RequireMemory, IsContentWithinTheBoundsAndWithoutAny) {
  const Footprint parts{{"items", 1e9, "data.K"}};
  EXPECT_NO_THROW(require_memory(parts, "this run", {}));
  EXPECT_NO_THROW(require_memory(parts, "this run", {{"this machine", 2e9, 1e9, true}}));
  EXPECT_THROW(require_memory(parts, "this run", {{"this machine", 2e9, 0.99e9, true}}), Error);
}

}  // namespace
}  // namespace icl::run
