#include "icl/analysis/coefficient_checks.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <limits>

namespace icl::analysis {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

/// Two settings of two chains without burn-in at two steps, n beta = 80, where the Hessian's
/// largest eigenvalue is 2 and 0.1.
ProbeRecord record_of(std::vector<double> gammas,
                      std::vector<std::vector<curvature::Vector>> last) {
  ProbeRecord record;
  record.request.curvature.emplace();
  auto& llc = record.request.coefficient.emplace();
  llc.steps = {1e-4};
  llc.localisations = std::move(gammas);
  llc.inverse_temperature = 80;
  llc.burn_in = 0;
  llc.draws = 1;
  llc.chains = 2;
  for (const auto& [step, top] : {std::pair{0, 2.0}, std::pair{40, 0.1}}) {
    auto& one = record.curvature.emplace_back();
    one.step = step;
    one.curvature.circuits.emplace_back().hessian.top = {top};
  }
  record.coefficient = {{0, 0.5, {{{0.6}, {0.7}}, {{0.6}, {0.7}}}}, {40, 0.5, std::move(last)}};
  return record;
}

TEST(CoefficientChecks, SayWhereThePullBackIsStrongerThanTheLoss) {
  const std::vector<std::vector<curvature::Vector>> same{{{0.6}, {0.7}}, {{0.6}, {0.7}}};
  EXPECT_THAT(doubts(record_of({1, 8}, same)), IsEmpty());
  EXPECT_THAT(doubts(record_of({1, 9}, same)),
              ElementsAre(HasSubstr("gamma = 9 is above n beta times the largest eigenvalue of the "
                                    "Hessian at 1 of 2 steps (8 at step 40)")));
  ProbeRecord without = record_of({1, 9}, same);
  without.curvature.clear();
  EXPECT_THAT(doubts(without), IsEmpty());
}

TEST(CoefficientChecks, SayWhereTheSettingsOfASweepDisagree) {
  // 80 (0.65 - 0.5) = 12 and more, and with two chains of 0.001 apart +- 0.04 times 64.
  const std::vector<curvature::Vector> low{{0.65}, {0.651}};
  EXPECT_THAT(doubts(record_of({1, 8}, {low, {{0.69}, {0.691}}})), IsEmpty());
  EXPECT_THAT(doubts(record_of({1, 8}, {low, {{0.75}, {0.751}}})),
              ElementsAre(HasSubstr("differ by more than their errors at 1 of 2 steps (step 40: 12 "
                                    "+- 0.04 with epsilon 0.0001 and gamma 1, 20 +- 0.04 with "
                                    "epsilon 0.0001 and gamma 8)")));
  ProbeRecord alone = record_of({1, 8}, {{{0.65}}, {{0.75}}});
  alone.coefficient.front().losses = alone.coefficient.back().losses;
  alone.request.coefficient->chains = 1;
  EXPECT_THAT(doubts(alone), IsEmpty());
}

TEST(CoefficientChecks, SayWhereTheChainsAreStillOnTheirWay) {
  // Over two batches, whose own losses differ by more than the halves do.
  const auto said = [](std::vector<curvature::Vector> chains) {
    ProbeRecord record = record_of({1}, {std::move(chains)});
    record.request.batches = 2;
    record.request.coefficient->burn_in = 1;
    record.request.coefficient->draws = 4;
    record.coefficient.erase(record.coefficient.begin());
    return doubts(record);
  };
  EXPECT_THAT(said({{9, 0.6, 1.0, 0.61, 1.0}, {9, 0.6, 1.0, 0.6, 1.0}}), IsEmpty());
  EXPECT_THAT(said({{9, 0.6, 1.0, 0.6, 1.3}, {9, 0.6, 1.0, 0.6, 1.1}}), IsEmpty()) << "noise";
  EXPECT_THAT(said({{9, 0.6, 1.0, 0.7, 1.1}, {9, 0.6, 1.0, 0.701, 1.1}}),
              ElementsAre(HasSubstr("1 of 1 coefficients still change along the draws (step 40, "
                                    "epsilon 0.0001, gamma 1: 28, and from the first half of the "
                                    "draws to the second +8 +- 0.02)")));
  EXPECT_THAT(said({{9, 0.7, 1.1, 0.6, 1.0}, {9, 0.701, 1.1, 0.6, 1.0}}), testing::SizeIs(1));
}

TEST(CoefficientChecks, SayWhichChainsDiverged) {
  constexpr double nan = std::numeric_limits<double>::quiet_NaN();
  const auto found = [&](double loss) {
    const ProbeRecord record = record_of({1, 8}, {{{0.6}, {0.7}}, {{0.6}, {loss}}});
    EXPECT_EQ(divergence(record.coefficient[0], record.request), std::nullopt);
    return divergence(record.coefficient[1], record.request).value_or("");
  };
  EXPECT_EQ(found(9e5), "");
  EXPECT_EQ(
      found(2e6),
      "1 of 2 chains with epsilon 0.0001 and gamma 8 diverged at step 40: a loss of 2e+06 nat");
  EXPECT_THAT(found(-nan), HasSubstr("a loss of nan nat"));
}

}  // namespace
}  // namespace icl::analysis
