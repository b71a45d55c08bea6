#include <gtest/gtest.h>

#include "icl/io/envelope.hpp"
#include "support/runs.hpp"

namespace icl::io {
namespace {

/// XXH3-128 of every number that a run records: its metrics and its snapshots.
std::string hash_of_numbers(const config::Config& config) {
  const RunRecord run = test::train_record(config, std::nullopt, nullptr, 2);
  std::vector<std::byte> bytes;
  const auto append = [&](const auto& values) {
    const auto view = std::as_bytes(std::span(values));
    bytes.insert(bytes.end(), view.begin(), view.end());
  };
  for (const auto& column : run.metrics) append(column);
  for (const auto& series : run.snapshots) append(series);
  return hash_hex(bytes);
}

/// More than one tile of everything, rows that need padding, both weight decays.
config::Config short_run() {
  config::Config config = test::tiny_config();
  config.model.hidden = 150;
  config.data.K = 100;
  config.data.N = 21;
  config.data.D = 40;
  config.train.batch_size = 37;
  config.train.weight_decay_attention = 1e-2;
  config.train.weight_decay_mlp = 1e-3;
  return config;
}

// CTest sets OPENBLAS_CORETYPE=Haswell, whose kernels every CPU that this program runs on has. If a
// hash differs, equal configurations give other bits than before: raise numerics_version in
// run_record.hpp and put the new hashes here; if that was not intended, find out why.
TEST(NumericsVersion, IsThatOfTheStoredHashes) {
  ASSERT_EQ(numerics_version, 2);
  EXPECT_EQ(hash_of_numbers(short_run()), "8e248eb3593164faa85e505484185f30");
  auto infinite = short_run();
  infinite.data.K = config::Diversity::infinity();
  EXPECT_EQ(hash_of_numbers(infinite), "35693a32ad8225d479a33964167d9888");
}

}  // namespace
}  // namespace icl::io
