#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <vector>

#include "probe/bench.hpp"

namespace icl::probe {
namespace {

constexpr auto infinite = config::Diversity::infinity();

std::vector<config::Config> cases() {
  std::vector<config::Config> all;
  for (const char* system : {"one_layer", "multi_layer", "scalar_beta", "minimal"}) {
    for (const config::Diversity item_count :
         {config::Diversity(16), config::Diversity(200), infinite}) {
      all.push_back(configuration(system, item_count));
      all.back().model.attend_self = all.back().model.system == config::System::minimal;
    }
  }
  return all;
}

// --- Attention and its share of the margin ---

TEST(ProberPasses, ReadWhereTheTargetLooks) {
  for (const config::Config& config : cases()) {
    Bench bench(config);
    for (const Attending attending : {Attending::learned, Attending::uniform}) {
      const Pass pass = bench.probe_pass(attending);
      std::vector<double> copies, self, entropies;
      for (std::size_t i = 0; i < pass.a.size(); ++i) {
        double copy = 0, entropy = 0;
        for (std::size_t j = 0; j < pass.a[i].size(); ++j) {
          const double a = pass.a[i][j];
          if (j < pass.copy[i].size() && pass.copy[i][j]) copy += a;
          entropy -= a * std::log(a);
        }
        copies.push_back(copy);
        self.push_back(pass.a[i].back());
        entropies.push_back(entropy);
      }
      const Reading reading = bench.read(attending);
      EXPECT_NEAR(reading["attention_copy"], mean(copies), double_tolerance);
      EXPECT_NEAR(reading["attention_self"], mean(self), double_tolerance);
      EXPECT_NEAR(reading["attention_entropy"], mean(entropies), double_tolerance);
      if (attending == Attending::uniform) {  // N equal weights
        EXPECT_NEAR(reading["attention_self"], 1.0 / 6, 4 * test::unit_roundoff);
        EXPECT_NEAR(reading["attention_entropy"], std::log(6.0), 20 * test::unit_roundoff);
      }
    }
  }
}

TEST(ProberPasses, HaveNoEntropyOfWeightsThatAreZero) {
  const Reading reading = Bench(configuration("one_layer")).read(Attending::none);
  EXPECT_EQ(reading["attention_copy"], 0);
  EXPECT_EQ(reading["attention_self"], 0);
  EXPECT_EQ(reading["attention_entropy"], 0);
  EXPECT_EQ(reading["attention_margin"], 0);
}

TEST(ProberPasses, ShareTheMarginBetweenThePaths) {
  for (const config::Config& config : cases()) {
    Bench bench(config);
    for (const Attending attending : {Attending::learned, Attending::copy}) {
      const double whole = mean(bench.probe_pass(attending).margins());
      const double bare = mean(bench.probe_pass(Attending::none).margins());
      const Reading reading = bench.read(attending);
      // 100 sequences are one chunk: the same logits.
      EXPECT_NEAR(reading["memoriser_margin"], bare, double_tolerance);
      EXPECT_NEAR(reading["attention_margin"], whole - bare, double_tolerance);
      EXPECT_GT(std::abs(reading["attention_margin"]), 1e-4);
    }
  }
}

// --- The effective w ---

TEST(ProberPasses, ReadTheEffectiveWOffAttentionOnTheCopy) {
  for (const config::Config& config : cases()) {
    Bench bench(config);
    const Pass up = bench.probe_pass(Attending::copy, CopyLabel::positive);
    const Pass down = bench.probe_pass(Attending::copy, CopyLabel::negative);
    const Pass nil = bench.probe_pass(Attending::copy, CopyLabel::none);
    std::vector<double> w;
    double squares = 0;
    for (std::size_t i = 0; i < up.z.size(); ++i) {
      w.push_back((up.z[i] - down.z[i]) / 2);
      const double bend = nil.z[i] - (up.z[i] + down.z[i]) / 2;
      squares += bend * bend / static_cast<double>(up.z.size());
    }
    const Reading reading = bench.read();
    expect_spread(spread_in(reading, "effective_w", "effective_w_deviation"), w, double_tolerance);
    EXPECT_NEAR(reading["effective_nonlinearity"], std::sqrt(squares), double_tolerance);
    EXPECT_GT(std::abs(reading["effective_w"]), 1e-4);
    // The clamped passes come after that of the margins; neither depends on the other.
    expect_equal(bench.read(), reading);
  }
}

// z(l) = phi + l w: with its own label y on the copy, y z(y) = phi+ + w.
TEST(ProberPasses, SplitTheClampedLogitIntoPhiAndW) {
  for (const char* system : {"one_layer", "multi_layer"}) {
    for (const config::Diversity item_count : {config::Diversity(16), infinite}) {
      Bench bench(configuration(system, item_count));
      const Reading reading = bench.read();
      // The same tokens, encoded once more: the same logits.
      EXPECT_NEAR(reading["phi_mean"] + reading["effective_w"],
                  mean(bench.probe_pass(Attending::copy).margins()), test::sum_tolerance(24, 4));
    }
  }
}

TEST(ProberPasses, ReadTheSelfScoreOffTheLearnedWeights) {
  for (const char* system : {"one_layer", "multi_layer"}) {
    Bench bench(configuration(system));
    const Pass pass = bench.probe_pass(Attending::learned);
    std::vector<double> beta, self;
    for (std::size_t i = 0; i < pass.a.size(); ++i) {
      std::vector<double> copies, others;
      for (std::size_t j = 0; j < pass.copy[i].size(); ++j) {
        (pass.copy[i][j] ? copies : others).push_back(pass.a[i][j]);
      }
      beta.push_back(std::log(mean(copies) / mean(others)));
      self.push_back(std::log(pass.a[i].back() / mean(copies)));
    }
    const Reading reading = bench.read();
    expect_spread(spread_in(reading, "effective_beta", "effective_beta_deviation"), beta,
                  double_tolerance);
    EXPECT_NEAR(reading["self_minus_copy"], mean(self), double_tolerance);
  }
}

// --- Alignment ---

TEST(ProberPasses, HandTheAlignmentOn) {
  for (const char* system : {"one_layer", "multi_layer"}) {
    Bench bench(configuration(system));
    EXPECT_EQ(bench.read()["identity_alignment"], bench.model->identity_alignment());
    EXPECT_TRUE(std::isfinite(bench.read()["identity_alignment"]));
  }
  EXPECT_TRUE(std::isnan(Bench(configuration("minimal")).read()["identity_alignment"]));
}

// --- Lesions ---

void expect_score(const Score& score, const Pass& pass, const char* which) {
  double loss = 0, correct = 0;
  for (const double margin : pass.margins()) {
    loss += std::log1p(std::exp(-margin));
    correct += margin > 0 ? 1 : 0;
  }
  const auto count = static_cast<double>(pass.z.size());
  EXPECT_NEAR(score.loss, loss / count, double_tolerance) << which;
  EXPECT_NEAR(score.accuracy, correct / count, double_tolerance) << which;
}

TEST(ProberPasses, CutSubCircuitsOnTheSequencesOfTheEvaluation) {
  for (const config::Config& config : cases()) {
    Bench bench(config);
    const std::int64_t count = bench.task.probe_sequences();
    const auto icl = [&](Attending attending) {
      return bench.pass(count, attending, [&](Batch& batch) {
        bench.task.evaluation_batch(task::set_called("icl"), some_step, 0, count, batch,
                                    bench.workers);
      });
    };
    const auto iwl = [&](Attending attending) {
      return bench.pass(count, attending, [&](Batch& batch) {
        bench.task.evaluation_batch(task::set_called("iwl"), some_step, 0, count, batch,
                                    bench.workers);
      });
    };
    const Reading reading = bench.read();
    expect_score(score_in(reading, "uniform_icl"), icl(Attending::uniform), "uniform, ICL");
    expect_score(score_in(reading, "no_attention_icl"), icl(Attending::none), "none, ICL");
    expect_score(score_in(reading, "clamped_icl"), icl(Attending::copy), "copy, ICL");
    // A difference of sums of squares of order one.
    EXPECT_NEAR(reading["novel_margin_deviation"], deviation(icl(Attending::none).margins()),
                10 * double_tolerance);
    if (config.data.K.is_infinite()) {
      EXPECT_TRUE(std::isnan(reading["uniform_iwl_loss"]) &&
                  std::isnan(reading["no_attention_iwl_accuracy"]));
    } else {
      expect_score(score_in(reading, "uniform_iwl"), iwl(Attending::uniform), "uniform, IWL");
      expect_score(score_in(reading, "no_attention_iwl"), iwl(Attending::none), "none, IWL");
    }
  }
}

}  // namespace
}  // namespace icl::probe
