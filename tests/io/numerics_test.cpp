#include <gtest/gtest.h>

#include "icl/io/envelope.hpp"
#include "icl/io/numerics.hpp"
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
// hash differs, equal configurations give other bits than before: add a row to the table in
// numerics.cpp that says which of them, and put the new hashes here; if that was not intended, find
// out why.
TEST(NumericsVersion, IsThatOfTheStoredHashes) {
  EXPECT_EQ(numerics_version(short_run()), 2);
  EXPECT_EQ(hash_of_numbers(short_run()), "8e248eb3593164faa85e505484185f30");
  auto infinite = short_run();
  infinite.data.K = config::Diversity::infinity();
  EXPECT_EQ(numerics_version(infinite), 2);
  EXPECT_EQ(hash_of_numbers(infinite), "35693a32ad8225d479a33964167d9888");
  auto zipf = short_run();
  zipf.data.zipf = 1.2;
  EXPECT_EQ(numerics_version(zipf), 3);
  EXPECT_EQ(hash_of_numbers(zipf), "55f86c302b143270855e0c36a50f8dfe");
  auto shared = short_run();
  shared.train.seed = 3;
  shared.compat.item_seeds = true;
  EXPECT_EQ(numerics_version(shared), 5);
  EXPECT_EQ(hash_of_numbers(shared), "7b1e7c4da0a5c8ac1bcd9b81c9b0c828");
  auto scalar = short_run();
  scalar.model.system = "scalar_beta";
  EXPECT_EQ(hash_of_numbers(scalar), "85ee08a10512f5f05e3028c38451026d");
  auto beta = short_run();
  beta.init.beta0 = 1;
  EXPECT_EQ(hash_of_numbers(beta), "6cd261870e6442a36420ee5fb86bf331");
}

TEST(NumericsVersion, IsTheGreatestOfTheChangesThatTouchAConfiguration) {
  config::Config config;
  EXPECT_EQ(numerics_version(config), 2);
  config.data.zipf = 0.5;
  EXPECT_EQ(numerics_version(config), 3);
  EXPECT_EQ(changes_since(3, config), "");
  config.compat.item_seeds = true;
  EXPECT_EQ(numerics_version(config), 5);
  EXPECT_EQ(changes_since(2, config),
            "the weights of data.zipf are computed without the C library; compat.item_seeds shares "
            "the items and no longer the labels");
  EXPECT_EQ(new_record(config, {}).numerics, 5);
}

TEST(NumericsVersion, RisesFromRowToRow) {
  std::int64_t version = 1;
  for (const NumericsChange& change : numerics_changes()) EXPECT_EQ(change.version, ++version);
}

}  // namespace
}  // namespace icl::io
