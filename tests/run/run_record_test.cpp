#include "icl/run/run_record.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>

#include "icl/config/field_values.hpp"
#include "icl/config/toml.hpp"
#include "icl/store/envelope.hpp"

namespace icl::run {
namespace {

std::string hash_of_text(const std::string& text) {
  return store::hash_hex(std::as_bytes(std::span(text)));
}

// Were these to change, every run file and sweep folder of before would belong to no run.
TEST(ConfigHash, IsThatOfTheKeysThatDifferFromTheirDefaults) {
  EXPECT_EQ(config_hash({}), hash_of_text(""));
  EXPECT_EQ(config_hash({}), "99aa06d3014798d86001c324468d497f");
  config::Config config;
  config.train.seed = 3;
  config.data.K = config::Diversity::infinity();
  config.stop.icl_accuracy = 0.99;
  config.record.snapshots = 0;
  EXPECT_EQ(config_hash(config),
            hash_of_text("data.K = inf\nrecord.snapshots = 0\nstop.icl_accuracy = 0.99\n"
                         "train.seed = 3\n"));
}

// A key at its default is not hashed, so a default that changed would give old hashes a new
// meaning.
TEST(ConfigHash, RestsOnDefaultsThatStay) {
  const std::vector<std::pair<std::string, std::string>> defaults{
      {"model.system", "\"one_layer\""},
      {"model.hidden", "512"},
      {"model.layers", "2"},
      {"model.beta0", "not set"},
      {"model.w0", "0.0"},
      {"model.attend_self", "false"},
      {"init.beta0", "not set"},
      {"data.task", "not set"},
      {"data.K", "10000"},
      {"data.N", "100"},
      {"data.D", "63"},
      {"data.labels", "\"independent\""},
      {"data.label_code", "\"onehot\""},
      {"data.layout", "not set"},
      {"data.label_count", "not set"},
      {"data.label_vectors", "not set"},
      {"data.noise", "0.0"},
      {"data.zipf", "0.0"},
      {"data.bursty", "1.0"},
      {"data.copies", "not set"},
      {"data.novel", "not set"},
      {"data.concentration", "not set"},
      {"data.items", "not set"},
      {"data.novel_items", "not set"},
      {"data.novel_fraction", "0.2"},
      {"data.scale", "\"unit\""},
      {"train.seed", "0"},
      {"train.epochs", "1000"},
      {"train.steps_per_epoch", "469"},
      {"train.batch_size", "128"},
      {"train.optimizer", "\"sgd\""},
      {"train.learning_rate", "0.01"},
      {"train.weight_decay_attention", "1e-10"},
      {"train.weight_decay_mlp", "1e-10"},
      {"train.adam_beta1", "0.9"},
      {"train.adam_beta2", "0.999"},
      {"train.adam_epsilon", "1e-08"},
      {"train.schedule", "\"constant\""},
      {"train.warmup", "0"},
      {"train.clip_norm", "not set"},
      {"train.loss_at", "not set"},
      {"eval.sequences", "2000"},
      {"eval.every", "not set"},
      {"eval.log_points", "0"},
      {"eval.refine", "false"},
      {"eval.set", "not set"},
      {"probe.sequences", "256"},
      {"probe.record", "not set"},
      {"intervene.freeze", "not set"},
      {"intervene.clamp", "not set"},
      {"intervene.rate", "not set"},
      {"stop.icl_accuracy", "not set"},
      {"stop.c1", "not set"},
      {"record.snapshots", "12"},
      {"record.snapshot_every", "not set"},
      {"record.snapshot_steps", "not set"},
      {"record.optimizer", "false"},
      {"record.activations", "not set"},
      {"record.observers", "not set"},
      {"record.probe_set", "128"},
      {"record.publish_seconds", "not set"},
      {"seed.init", "not set"},
      {"seed.items", "not set"},
      {"seed.labels", "not set"},
      {"seed.novel", "not set"},
      {"seed.data", "not set"},
      {"seed.eval", "not set"},
      {"seed.probe", "not set"},
      {"compat.frozen_readout", "false"},
      {"compat.s4_epoch", "false"},
      {"compat.short_last_batch", "false"},
      {"compat.item_seeds", "false"},
      {"blocks.n_layers", "not set"},
      {"blocks.n_heads", "not set"},
      {"blocks.d_model", "not set"},
      {"blocks.d_head", "not set"},
      {"blocks.read_in", "not set"},
      {"blocks.norm", "not set"},
      {"blocks.positions", "not set"},
      {"blocks.n_ctx", "not set"},
      {"blocks.shift", "not set"},
      {"blocks.attention", "not set"},
      {"blocks.attn_scale", "not set"},
      {"blocks.output", "not set"},
      {"blocks.mlp", "not set"},
      {"blocks.mlp_layers", "not set"},
      {"blocks.d_mlp", "not set"},
      {"blocks.act_fn", "not set"},
      {"blocks.residual", "not set"},
      {"blocks.readout", "not set"}};
  ASSERT_EQ(defaults.size(), config::fields().size()) << "a new key belongs in this table";
  for (const auto& [name, value] : defaults) {
    EXPECT_EQ(config::to_text(config::get(*config::find_field(name), {})), value) << name;
  }
}

TEST(ConfigHash, DoesNotDependOnWhenToWrite) {
  config::Config config;
  config.record.publish_seconds = 3;
  EXPECT_EQ(config_hash(config), config_hash({}));
}

TEST(ConfigHash, TellsConfigurationsApart) {
  std::set<std::string> hashes;
  for (const char* text : {"", "[data]\nK = 1000", "[data]\nN = 1000", "[train]\nseed = 1",
                           "[seed]\ninit = 1", "[seed]\nitems = 1", "[seed]\ninit = 0",
                           "[train]\nlearning_rate = 0.1", "[train]\nlearning_rate = 0.01000001"}) {
    EXPECT_TRUE(hashes.insert(config_hash(config::parse(text, "test"))).second) << text;
  }
}

}  // namespace
}  // namespace icl::run
