#include <gtest/gtest.h>

#include <algorithm>
#include <ostream>
#include <string>
#include <vector>

#include "icl/config/toml.hpp"
#include "icl/run/numerics.hpp"
#include "icl/store/envelope.hpp"
#include "icl/task/given_items.hpp"
#include "support/runs.hpp"

namespace icl::run {
namespace {

/// XXH3-128 of every number that a run records: its metrics, its snapshots, and t_ICL if it is
/// found to the single step.
std::string hash_of_numbers(const RunRecord& run) {
  std::vector<std::byte> bytes;
  const auto append = [&](const auto& values) {
    const auto view = std::as_bytes(std::span(values));
    bytes.insert(bytes.end(), view.begin(), view.end());
  };
  for (const auto& column : run.metrics) append(column);
  for (const auto& series : run.snapshots) append(series);
  if (const auto& refined = run.t_icl_refined) {
    append(std::span(&*refined, 1));
  }
  return store::hash_hex(bytes);
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

/// What a configuration gave when its row was written.
struct Pin {
  std::int64_t numerics;                 ///< the version of its numbers
  std::vector<std::string> differences;  ///< from short_run()
  std::string hash;
};

std::ostream& operator<<(std::ostream& out, const Pin& pin) {
  for (const std::string& difference : pin.differences) out << difference << " ";
  return out;
}

class PinnedBits : public testing::TestWithParam<Pin> {};

// CTest sets OPENBLAS_CORETYPE=Haswell, whose kernels every CPU that this program runs on has. If a
// hash differs, equal configurations give other bits than before: add a row to the table in
// numerics.cpp that says which of them, and put the new hashes here; if that was not intended, find
// out why.
TEST_P(PinnedBits, AreThoseOfTheStoredHash) {
  const auto config = config::with_overrides(short_run(), GetParam().differences);
  EXPECT_EQ(numerics_version(config), GetParam().numerics);
  EXPECT_EQ(hash_of_numbers(test::train_record(config, std::nullopt, nullptr, 2)), GetParam().hash);
}

INSTANTIATE_TEST_SUITE_P(
    Configurations, PinnedBits,
    testing::Values(
        Pin{2, {}, "8e248eb3593164faa85e505484185f30"},
        Pin{2, {"data.K=inf"}, "35693a32ad8225d479a33964167d9888"},
        Pin{2,
            {"train.optimizer=adam", "train.learning_rate=0.01"},
            "6cfa05ea387352bd4f004b3474a09bfb"},
        Pin{2,
            {"data.K=inf", "train.optimizer=adam", "train.learning_rate=0.01"},
            "949e19520626c2906405b688bb6c10d2"},
        Pin{2, {"model.system=multi_layer"}, "a4ed1be73f4a2991b7d6d2537009c2f5"},
        Pin{2, {"model.system=multi_layer", "data.K=inf"}, "6ddd7d694232da0c45d901fe86ddf402"},
        Pin{2,
            {"model.system=multi_layer", "train.optimizer=adam", "train.learning_rate=0.01"},
            "3f36074753a5246fde3f41ee1c0d145a"},
        Pin{2,
            {"model.system=multi_layer", "data.K=inf", "train.optimizer=adam",
             "train.learning_rate=0.01"},
            "161ccd7057e350e2f86114d53157ff31"},
        Pin{2, {"model.system=scalar_beta"}, "85ee08a10512f5f05e3028c38451026d"},
        Pin{2, {"model.system=scalar_beta", "data.K=inf"}, "e5c035d57c1429a57b6de7ba22f7be9b"},
        Pin{2,
            {"model.system=scalar_beta", "train.optimizer=adam", "train.learning_rate=0.01"},
            "c4f834bcb0e6fbdfc64191fc59769b41"},
        Pin{2,
            {"model.system=scalar_beta", "data.K=inf", "train.optimizer=adam",
             "train.learning_rate=0.01"},
            "9d0b56bbdad6e3a257a969351fbd6cad"},
        Pin{2, {"model.system=minimal"}, "96556a2e9122d80e2d9e207816f00a66"},
        Pin{2, {"model.system=minimal", "data.K=inf"}, "6b20f6d17363f410417ed35c57acf126"},
        Pin{2,
            {"model.system=minimal", "train.optimizer=adam", "train.learning_rate=0.01"},
            "a2175c50e72489290e6b28a50e81cc50"},
        Pin{2,
            {"model.system=minimal", "data.K=inf", "train.optimizer=adam",
             "train.learning_rate=0.01"},
            "01a114ffb804d0ec6dbb749b34156b33"},
        Pin{2, {"model.system=memoriser"}, "2652b35971a53b5364e0f9dcaaa7e51a"},
        Pin{2,
            {"model.system=memoriser", "train.optimizer=adam", "train.learning_rate=0.01"},
            "361b099e02bf15f7787abe35f2b16079"},
        Pin{2, {"data.noise=0.5"}, "3199dd7877ec86bf863a7c06d3cdd724"},
        Pin{2, {"data.K=inf", "data.noise=0.5"}, "6af7447c60f69af055e7394c0d51f59b"},
        Pin{2, {"data.bursty=0.5"}, "a6a79f6d189e64e1f96641603886bb36"},
        Pin{2, {"data.N=22", "data.labels=equal_sequence"}, "d36c76ec078895e20ff8e68685fa50f8"},
        Pin{2, {"data.labels=equal_context"}, "b87d5f008f4cc902b062608b89a786f6"},
        Pin{2, {"data.N=22", "data.labels=equal_others"}, "20008ea86b24a073db3ee22dbe29e10d"},
        Pin{2, {"data.label_code=scalar"}, "427ec140260a03788fd204a6879bb47c"},
        Pin{2, {"intervene.clamp=copy@20:40"}, "3935f0c9b84efc0546339b81306d1f11"},
        Pin{2, {"intervene.freeze=memoriser@:30"}, "b63bca93efb008e3183aa1148d44456f"},
        Pin{2, {"intervene.rate=attention*0.5@10:"}, "e824700a04ebc42d7f0506d859f20d0a"},
        Pin{2, {"init.beta0=1"}, "6cd261870e6442a36420ee5fb86bf331"},
        Pin{2,
            {"model.system=minimal", "model.beta0=0.5", "model.w0=0.1", "model.attend_self=true"},
            "5e770f1fb38721cdf99825df2650a6d1"},
        Pin{2, {"model.system=multi_layer", "model.layers=3"}, "83e7626ec59aad9d5a69406f82709e7e"},
        Pin{2,
            {"model.system=multi_layer", "compat.frozen_readout=true"},
            "509abbc79edf96d3feec4d613b2cb67d"},
        Pin{2, {"probe.sequences=50"}, "6c28d02eef6cae2c8da20101f8c4d643"},
        Pin{2, {"model.system=minimal", "probe.sequences=50"}, "cc8fbf4b9719695a429b3c08aaec841e"},
        Pin{2,
            {"model.system=multi_layer", "probe.sequences=50"},
            "2364212ed3fe605b343562845092f8e6"},
        Pin{2,
            {"train.optimizer=adamw", "train.learning_rate=0.01", "train.schedule=cosine",
             "train.warmup=7"},
            "c7748d1882e43afab4f858318b2cddcc"},
        Pin{2,
            {"train.clip_norm=0.1", "train.schedule=triangle", "train.warmup=7",
             "probe.sequences=50"},
            "7278d0d7d2a77f244774c929b862419f"},
        Pin{7,
            {"model.system=blocks", "data.label_count=5", "data.label_vectors=gaussian",
             "data.copies=2", "probe.sequences=50"},
            "8dcf2ce74c2bc93384b2a3a9e34d7b96"},
        Pin{2,
            {"model.system=blocks", "data.layout=interleaved", "blocks.positions=learned",
             "blocks.n_heads=2", "blocks.d_model=24", "blocks.read_in=linear", "blocks.mlp=every",
             "blocks.act_fn=gelu_new"},
            "d4e8842ddc961766029aeeefb49b0df1"},
        Pin{7,
            {"model.system=blocks", "data.task=regression", "data.noise=0.3",
             "blocks.attention=linear", "train.optimizer=adamw", "train.learning_rate=0.003",
             "record.observers=ridge,dmmse"},
            "c54f19009a585c351d055ae4d44cb530"},
        Pin{2,
            {"model.system=blocks", "data.task=chains", "data.D=6", "blocks.positions=rotary",
             "blocks.d_model=24", "blocks.read_in=linear", "train.optimizer=adamw",
             "train.learning_rate=0.003",
             "record.observers=unigram_inference,bigram_inference,unigram_retrieval,"
             "bigram_retrieval"},
            "02cb93a7e911e224ddf300e7e0990287"},
        Pin{7,
            {"model.system=blocks", "data.task=chains", "data.D=6", "data.K=inf",
             "data.concentration=0.3", "record.observers=bigram_inference"},
            "67178769daa44bf8dbb679c38d2bd810"},
        Pin{7,
            {"model.system=blocks", "data.task=chains", "data.D=6", "train.loss_at=every",
             "blocks.positions=learned", "train.optimizer=adamw", "train.learning_rate=0.003"},
            "3dac71328c952af04a256a701a7202d5"},
        Pin{2,
            {"model.system=blocks", "data.layout=interleaved", "train.loss_at=every",
             "blocks.positions=rotary", "blocks.d_model=24", "blocks.read_in=linear",
             "blocks.mlp=every", "data.label_count=5"},
            "a7b1e9ab5f1a34dfb67d0f1559dacf04"},
        Pin{7,
            {"model.system=blocks", "data.task=urns", "data.D=6", "data.concentration=0.3",
             "record.observers=inference,retrieval"},
            "3ef524b88ecd9aaa9ff26f56fdb0bfdb"},
        Pin{7,
            {"model.system=blocks", "data.task=urns", "data.D=6", "data.K=inf",
             "record.observers=inference"},
            "1a50dc5a0948f55d7a17ea1ebaee91da"},
        Pin{3, {"data.zipf=1.2"}, "55f86c302b143270855e0c36a50f8dfe"},
        Pin{4,
            {"data.N=6", "data.K=inf", "train.epochs=60", "eval.refine=true"},
            "6b9fac4c641a8157d8f8dc9d04f5f5de"},
        Pin{5, {"train.seed=3", "compat.item_seeds=true"}, "7b1e7c4da0a5c8ac1bcd9b81c9b0c828"}));

TEST(PinnedBits, OfExemplarsAreThoseOfTheStoredHash) {
  auto config = short_run();
  config.data.items = "a file:/items";
  config.data.K = 40;
  config.data.D = 9;
  task::ItemTable table{60, 3, 9, {}, {}};
  for (std::int64_t i = 0; i < 60 * 3 * 9; ++i) {
    table.rows.push_back(static_cast<float>(i * 37 % 101 - 50) / 64);
  }
  const auto given = task::choose_items(config, table, std::nullopt);
  EXPECT_EQ(hash_of_numbers(test::train_record(config, std::nullopt, nullptr, 2, given)),
            "42f8f69bd2eac37e07cbfcaf3994edc7");
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

TEST(NumericsVersion, KnowsBlocksWhoseQueriesAndKeysAreMerged) {
  config::Config config;
  config.model.system = config::System::blocks;
  EXPECT_EQ(numerics_version(config), 7);
  const auto changed = [&](const std::vector<std::string>& settings) {
    return numerics_version(config::with_overrides(config, settings));
  };
  EXPECT_EQ(changed({"blocks.n_layers=1"}), 2) << "the last layer's target alone attends";
  EXPECT_EQ(changed({"blocks.n_layers=1", "data.layout=interleaved", "train.loss_at=every"}), 7)
      << "in training all do";
  EXPECT_EQ(changed({"blocks.n_heads=5"}), 2);
  EXPECT_EQ(changed({"train.batch_size=1"}), 2) << "100 tokens, of which each has 65 entries";
  const std::vector<std::string> wide{"blocks.read_in=linear", "blocks.d_model=66"};
  EXPECT_EQ(changed(wide), 7);
  EXPECT_EQ(changed({wide[0], wide[1], "blocks.positions=rotary"}), 2);
}

TEST(NumericsVersion, RisesFromRowToRow) {
  std::int64_t version = 1;
  for (const NumericsChange& change : numerics_changes()) EXPECT_EQ(change.version, ++version);
}

}  // namespace
}  // namespace icl::run
