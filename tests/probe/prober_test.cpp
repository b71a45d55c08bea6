#include "icl/probe/prober.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <string>
#include <vector>

#include "probe/bench.hpp"

namespace icl::probe {
namespace {

constexpr auto infinite = config::Diversity::infinity();
constexpr double u = test::unit_roundoff;

// --- The minimal model, whose beta and w are known ---

/// Scores of the tokens of each probe sequence in double, straight from the batch: beta x_N . x_j,
/// the target's own last.
struct Scores {
  std::vector<double> copy, others, self;  ///< log-mean-exp over copies, over others; itself
  double largest = 0;

  Scores(const Bench& bench, double beta) {
    const std::int64_t count = bench.task.probe_sequences();
    const std::int64_t context = bench.task.length() - 1;
    Batch batch = bench.task.make_batch(count, task::Tokens::in_the_batch);
    bench.task.probe_batch(some_step, 0, count, CopyLabel::its_own, batch, bench.workers);
    for (std::int64_t b = 0; b < count; ++b) {
      const std::int32_t* items = batch.items.row(b);
      const Real* target = batch.table->target.row(items[context]);
      const auto score = [&](const Real* x) {
        double sum = 0;
        for (std::int64_t i = 0; i < bench.config.data.D; ++i) sum += double{target[i]} * x[i];
        largest = std::max(largest, std::abs(beta * sum));
        return beta * sum;
      };
      std::vector<double> of_copies, of_others;
      for (std::int64_t j = 0; j < context; ++j) {
        const bool is_copy = batch.copy.row(b)[j] != 0;
        (is_copy ? of_copies : of_others)
            .push_back(std::exp(score(batch.table->context.row(items[j]))));
      }
      self.push_back(score(target));
      copy.push_back(std::log(mean(of_copies)));
      others.push_back(std::log(mean(of_others)));  // NaN of none
    }
  }

  [[nodiscard]] std::vector<double> betas() const {
    std::vector<double> all;
    for (std::size_t i = 0; i < copy.size(); ++i) {
      if (!std::isnan(others[i])) all.push_back(copy[i] - others[i]);
    }
    return all;
  }
  [[nodiscard]] std::vector<double> self_minus_copy() const {
    std::vector<double> all;
    for (std::size_t i = 0; i < copy.size(); ++i) all.push_back(self[i] - copy[i]);
    return all;
  }
  /// Of a logarithm of a ratio of weights: each score is a sum of D products times beta, each
  /// weight has the error of exp (2 ulp, 4 u) and of the division; two of them, and one again
  /// for good measure.
  [[nodiscard]] double tolerance(std::int64_t D) const {
    return 3 * (test::sum_tolerance(D, 4 * largest) + 6 * u);
  }
};

std::vector<config::Config> minimal_cases() {
  std::vector<config::Config> all;
  for (const config::Diversity item_count :
       {config::Diversity(16), config::Diversity(60), infinite}) {
    all.push_back(configuration("minimal", item_count));
    all.push_back(configuration("minimal", item_count));
    all.back().model.attend_self = true;
    all.back().data.noise = 0.5;  // else target and copy have the same score
  }
  all.push_back(configuration("minimal", 60));
  all.back().probe.sequences = 40;  // not every item
  return all;
}

TEST(Prober, ReadsWAndBetaOffTheMinimalModel) {
  for (const config::Config& config : minimal_cases()) {
    Bench bench(config);
    const Reading reading = bench.read();
    // z(l) = phi + w m, |m - l| by the roundings of N weights; z is rounded once more.
    double phi = 0;
    for (const double z : bench.probe_pass(Attending::none).z) phi = std::max(phi, std::abs(z));
    const double tolerance = test::sum_tolerance(config.data.N, 2.25) + 2 * u * (phi + 2.25);
    EXPECT_NEAR(reading["effective_w"], 2.25, tolerance);
    EXPECT_NEAR(reading["effective_w_deviation"], 0, tolerance);
    EXPECT_NEAR(reading["effective_nonlinearity"], 0, 2 * tolerance);
    const Scores scores(bench, 1.5);
    expect_spread(spread_in(reading, "effective_beta", "effective_beta_deviation"), scores.betas(),
                  scores.tolerance(config.data.D));
    EXPECT_GT(reading["effective_beta"], 0.5);  // about beta |x|^2
    if (config.model.attend_self) {
      EXPECT_NEAR(reading["self_minus_copy"], mean(scores.self_minus_copy()),
                  scores.tolerance(config.data.D));
      EXPECT_GT(std::abs(reading["self_minus_copy"]), 0.01);
    } else {
      EXPECT_TRUE(std::isnan(reading["self_minus_copy"]));
    }
  }
}

// With N = 3 of 4 items, every fourth context is the target twice.
TEST(Prober, LeavesContextsOfCopiesAloneOutOfEffectiveBeta) {
  config::Config config = configuration("minimal", 4);
  config.data.N = 3;
  config.probe.sequences = 3;  // with fewer than K of them, targets are random
  std::int64_t left_out = 0;
  for (const std::int64_t seed : {1, 2, 3, 4}) {
    config.train.seed = seed;
    Bench bench(config);
    const Scores scores(bench, 1.5);
    left_out += 3 - static_cast<std::int64_t>(scores.betas().size());
    ASSERT_FALSE(scores.betas().empty());
    expect_spread(spread_in(bench.read(), "effective_beta", "effective_beta_deviation"),
                  scores.betas(), scores.tolerance(config.data.D));
  }
  EXPECT_GT(left_out, 0);
  config.data.N = 2;
  EXPECT_TRUE(std::isnan(Bench(config).read()["effective_beta"]));
}

// Weights below the smallest float count as that: about e^-87.
TEST(Prober, StaysFiniteWhereWeightsUnderflow) {
  config::Config config = configuration("minimal");
  config.model.beta0 = 500;
  const Reading reading = Bench(config).read();
  EXPECT_GT(reading["effective_beta"], 50);
  EXPECT_LT(reading["effective_beta"], 87.4);
  config.model.attend_self = true;
  config.data.noise = 0.5;  // on the target itself or on another token altogether
  const Reading other = Bench(config).read();
  EXPECT_TRUE(std::isfinite(other["effective_beta"]));
  EXPECT_TRUE(std::isfinite(other["self_minus_copy"]));
}

// --- Memorisation ---

void expect_memorisation(const Reading& reading, const std::vector<double>& margins,
                         double tolerance) {
  double first = 0, second = 0, third = 0;
  for (const double phi : margins) {
    const double wrong = 1 / (1 + std::exp(phi));
    first += wrong / static_cast<double>(margins.size());
    second += wrong * wrong / static_cast<double>(margins.size());
    third += std::exp(-phi) / static_cast<double>(margins.size());
  }
  EXPECT_NEAR(reading["c1"], first, tolerance);
  EXPECT_NEAR(reading["c2"], 1 - second / first, 4 * tolerance);
  EXPECT_NEAR(reading["c3"], third, 4 * tolerance);
  expect_spread(spread_in(reading, "phi_mean", "phi_deviation"), margins, tolerance);
  EXPECT_GT(reading["phi_deviation"], 0.02);  // so that there was something to average
}

TEST(Prober, ReadsMemorisationOffTheTargetAlone) {
  for (const char* system : {"minimal", "memoriser"}) {
    Bench bench(configuration(system));
    ASSERT_EQ(bench.task.probe_sequences(), 16);  // every item
    expect_memorisation(bench.read(), bench.probe_pass(Attending::none).margins(),
                        double_tolerance);
  }
}

// 300 sequences go in chunks of 128, 128 and 44. In one piece the products may be added up in
// another order: logits of order one, sums of 24 hidden units twice.
TEST(Prober, ReadsEachSequenceOnce) {
  config::Config config = configuration("minimal", 300);
  config.probe.sequences = 1000;
  Bench bench(config);
  ASSERT_EQ(bench.task.probe_sequences(), 300);
  expect_memorisation(bench.read(), bench.probe_pass(Attending::none).margins(),
                      test::sum_tolerance(60, 8));
}

TEST(Prober, ReadsMemorisationOffATransformerWithItsAttentionOnACopyOfEitherLabel) {
  for (const char* system : {"one_layer", "multi_layer"}) {
    for (const config::Diversity item_count : {config::Diversity(16), infinite}) {
      Bench bench(configuration(system, item_count));
      const Pass up = bench.probe_pass(Attending::copy, CopyLabel::positive);
      const Pass down = bench.probe_pass(Attending::copy, CopyLabel::negative);
      std::vector<double> margins;
      for (std::size_t i = 0; i < up.z.size(); ++i) {
        margins.push_back(up.y[i] * (up.z[i] + down.z[i]) / 2);
      }
      expect_memorisation(bench.read(), margins, double_tolerance);
    }
  }
}

TEST(Prober, ReadsNothingButMemorisationOffTheMemoriser) {
  const Reading reading = Bench(configuration("memoriser")).read();
  EXPECT_EQ(reading.values.size(), probe_of(config::ProbeName::memorisation).columns.size());
  for (const double value : reading.values) EXPECT_TRUE(std::isfinite(value));
}

// --- What was not asked for ---

TEST(Prober, ReadsWhatWasAskedForAndNothingElse) {
  const Reading all = Bench(configuration("one_layer")).read();
  for (const config::ProbeRow& row : config::probe_rows()) {
    if (!config::has_probe(config::System::one_layer, row.probe)) continue;
    config::Config config = configuration("one_layer");
    config.probe.record = std::string(row.name);
    const Reading reading = Bench(config).read();
    for (const Column& column : probe_of(row.probe).columns) {
      if (column.each == Each::parameter) continue;  // there is no update here
      EXPECT_EQ(reading[column.name], all[column.name]) << column.name;
      EXPECT_TRUE(std::isfinite(reading[column.name])) << column.name;
    }
    for (const Place& place : reading.places) {
      const auto columns = probe_of(row.probe).columns;
      EXPECT_TRUE(place.column >= columns.data() && place.column < columns.data() + columns.size())
          << place.column->name << " with " << row.name;
    }
  }
}

TEST(Prober, ReadsNothingFromNoSequences) {
  config::Config config = configuration("one_layer");
  config.probe.sequences = 0;
  EXPECT_TRUE(Bench(config).read().values.empty());
}

TEST(Prober, IntegratesTheMemorisationSignalOverTheElapsedTime) {
  Bench bench(configuration("minimal"));
  const double first = bench.read()["c1"];
  EXPECT_EQ(bench.memory.c1, first);
  EXPECT_EQ(bench.memory.I_K, 0);
  bench.memory.elapsed = 3;
  bench.model->parameters().back()->value[0] += 1;
  const Reading second = bench.read();
  EXPECT_NE(second["c1"], first);
  EXPECT_DOUBLE_EQ(second["I_K"], 3 * (first + second["c1"]) / 2);
  EXPECT_EQ(bench.memory.I_K, second["I_K"]);
}

// --- A pure function of model and step ---

TEST(Prober, DependsOnModelAndStepAlone) {
  for (const char* system : {"one_layer", "multi_layer", "scalar_beta", "minimal", "memoriser"}) {
    config::Config config = configuration(system, 200);
    config.probe.sequences = 150;
    Bench bench(config);
    const Reading expected = bench.read();
    const Reading other = bench.read_at(7, bench.workers);
    EXPECT_NE(other["c1"], expected["c1"]);
    for (const int threads : {1, 2, 3, 8}) {
      expect_equal(bench.read_at(some_step, Workers(threads)), expected);
    }
    expect_equal(Bench(config).read(), expected);
    bench.model->parameters().back()->value[0] += 1;
    EXPECT_NE(bench.read()["c1"], expected["c1"]);
  }
}

}  // namespace
}  // namespace icl::probe
