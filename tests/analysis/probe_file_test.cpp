#include "icl/analysis/probe_file.hpp"

#include <gtest/gtest.h>

#include "icl/analysis/probe_run.hpp"
#include "support/runs.hpp"

namespace icl::analysis {
namespace {

curvature::CircuitCurvature some_curvature(double x) {
  curvature::CircuitCurvature of;
  of.hessian = {{x, x / 2}, {0.1, 0.2}, -x, 7};
  of.fisher = {{2 * x, x}, {0.3, 0.4}, 0, 9};
  of.hessian_trace = {3 * x, 0.5};
  of.fisher_trace = 4 * x;
  of.gradient_norm = 5 * x;
  of.noise_trace = 6 * x;
  return of;
}

ProbeRecord some_record() {
  ProbeRecord record;
  record.run_hash = std::string(32, 'a');
  record.title = "one_layer";
  record.request.curvature.emplace();
  record.request.curvature->eigenvalues = 2;
  auto& llc = record.request.coefficient.emplace();
  llc.steps = {1e-6, 1e-5};
  llc.localisations = {10};
  llc.inverse_temperature = 80;
  llc.burn_in = 1;
  llc.draws = 2;
  llc.chains = 2;
  record.circuits = {{"all", {{0, 30}}}, {"mlp", {{10, 20}}}};
  record.curvature = {{0, {0.7, {some_curvature(1), some_curvature(2)}}},
                      {40, {0.6, {some_curvature(3), some_curvature(4)}}}};
  record.coefficient = {{40, 0.5, {{{1, 2, 3}, {4, 5, 6}}, {{7, 8, 9}, {10, 11, 12}}}}};
  return record;
}

TEST(ProbeFile, HoldsAllOfItsRecord) {
  const ProbeRecord record = some_record();
  const auto bytes = encode(record);
  const ProbeRecord read = decode_probe(bytes, "x.h5");
  EXPECT_EQ(encode(read), bytes);
  EXPECT_EQ(difference(read, record), std::nullopt);
  EXPECT_EQ(read.curvature[1].step, 40);
  EXPECT_EQ(read.curvature[1].curvature.circuits[1].hessian.top, (curvature::Vector{4, 2}));
  EXPECT_EQ(read.curvature[0].curvature.circuits[1].noise_trace, 12);
  EXPECT_EQ(read.coefficient[0].losses[1][0], (curvature::Vector{7, 8, 9}));
  EXPECT_EQ(read.circuits[1].size(), 20);

  ProbeRecord half = some_record();
  half.request.coefficient.reset();
  half.coefficient.clear();
  const auto of_half = encode(half);
  EXPECT_FALSE(decode_probe(of_half, "x.h5").request.coefficient);
  EXPECT_EQ(difference(record, half), std::nullopt) << "what only one of them has";
}

TEST(ProbeFile, EverySettingTellsRecordsApart) {
  const ProbeRecord record = some_record();
  const auto differs = [&](const auto& change) {
    ProbeRecord other = some_record();
    change(other);
    return difference(record, other).value_or("");
  };
  EXPECT_EQ(differs([](ProbeRecord& r) { r.run_hash.back() = 'b'; }),
            "the run is " + std::string(32, 'a') + " there and " + std::string(31, 'a') + "b here");
  EXPECT_EQ(differs([](ProbeRecord& r) { ++r.request.batches; }),
            "the number of batches is 8 there and 9 here");
  EXPECT_EQ(differs([](ProbeRecord& r) { r.request.curvature->tolerance = 0.5; }),
            "the tolerance is 0.001 there and 0.5 here");
  EXPECT_EQ(differs([](ProbeRecord& r) { ++r.request.coefficient->burn_in; }),
            "the burn-in of the chains is 1 there and 2 here");
  EXPECT_EQ(differs([](ProbeRecord& r) { r.request.coefficient->steps = {1e-6}; }),
            "the list of steps of the chains (epsilon) is [1e-06, 1e-05] there and [1e-06] here");
  EXPECT_EQ(differs([](ProbeRecord& r) { r.request.coefficient->inverse_temperature = 1; }),
            "the inverse temperature is 80 there and 1 here");
}

TEST(ProbeFile, FootprintCountsTheLossesOfTheChainsOverAllSteps) {
  ProbeRequest request = some_record().request;
  request.coefficient->draws = 1000;
  const auto bytes = [&](std::int64_t steps) {
    return run::bytes_of(footprint_of_probing(config::Config{}, request, steps, 1));
  };
  // Two settings of two chains, kept three times at the peak; beyond a few steps the weights at
  // hand are no more.
  EXPECT_EQ(bytes(2000000) - bytes(1000000), 3.0 * 8 * 2 * 2 * 1001 * 1000000);
}

TEST(ProbeFile, RefusesOtherAndDamagedFiles) {
  auto bytes = encode(some_record());
  bytes[bytes.size() / 2] ^= std::byte{1};
  test::expect_error(ExitCode::bad_input, "'x.h5'", [&] { (void)decode_probe(bytes, "x.h5"); });
  bytes.resize(bytes.size() - 100);
  test::expect_error(ExitCode::bad_input, "'x.h5'", [&] { (void)decode_probe(bytes, "x.h5"); });
}

}  // namespace
}  // namespace icl::analysis
