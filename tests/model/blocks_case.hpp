#pragma once

#include <array>
#include <cmath>
#include <cstdint>
#include <string>
#include <vector>

#include "icl/config/loss.hpp"
#include "icl/config/toml.hpp"
#include "icl/model/blocks.hpp"
#include "icl/nn/attending.hpp"
#include "support/model_case.hpp"
#include "support/random.hpp"

/// Small transformers of the keys of [blocks].
namespace icl::model::blocks_test {

inline constexpr std::array all_attending{nn::Attending::learned, nn::Attending::uniform,
                                          nn::Attending::copy, nn::Attending::none};

/// D = 5 (7 entries a token), N = 4, and keys.
inline config::Config make_config(const std::string& keys) {
  return config::parse(
      "model.system = \"blocks\"\nmodel.hidden = 8\ndata.D = 5\ndata.N = 4\ndata.K = 10\n" + keys,
      "test");
}

/// What training asks at every position, of which a batch asks the last alone.
inline const std::string chains = "data.task = \"chains\"\ntrain.loss_at = \"every\"\n";
inline const std::string every_item = "data.layout = \"interleaved\"\ntrain.loss_at = \"every\"\n";

/// Each option, and some together.
inline const std::vector<std::string>& settings() {
  static const std::string wide = "blocks.read_in = \"linear\"\nblocks.d_model = 6\n";
  static const std::vector<std::string> all{
      "",
      "blocks.norm = \"none\"",
      "blocks.norm = \"input\"",
      "blocks.norm = \"input\"\n" + wide,
      "blocks.norm = \"input\"\nblocks.positions = \"onehot\"\n" + wide,
      "blocks.norm = \"input\"\nblocks.positions = \"onehot\"",
      "blocks.n_layers = 1\n" + wide,
      "blocks.n_layers = 3",
      "blocks.n_heads = 2\n" + wide,
      "blocks.n_heads = 3\nblocks.d_head = 4",
      "blocks.attention = \"linear\"",
      "blocks.attn_scale = \"none\"",
      "blocks.output = \"none\"\nblocks.n_heads = 2\n" + wide,
      "blocks.positions = \"onehot\"",
      "blocks.positions = \"learned\"",
      "blocks.positions = \"learned\"\nblocks.n_ctx = 6",
      "blocks.positions = \"sinusoidal\"",
      "blocks.positions = \"rotary\"\nblocks.n_heads = 2\nblocks.d_head = 4",
      "blocks.positions = \"rotary\"\nblocks.attention = \"linear\"\n" + wide,
      "blocks.mlp = \"every\"\nblocks.d_mlp = 9",
      "blocks.mlp = \"every\"\nblocks.d_mlp = 9\nblocks.act_fn = \"gelu_new\"",
      "blocks.mlp = \"every\"\nblocks.d_mlp = 9\nblocks.mlp_layers = 3\nblocks.norm = \"none\"",
      "blocks.mlp = \"inner\"\nblocks.d_mlp = 9\nblocks.residual = \"attention\"",
      "blocks.mlp = \"inner\"\nblocks.d_mlp = 9\nblocks.residual = \"attention\"\n"
      "blocks.norm = \"input\"\nblocks.mlp_layers = 3\nblocks.act_fn = \"gelu_new\"",
      "data.label_code = \"scalar\"\ndata.layout = \"concatenated\"",
      "data.layout = \"interleaved\"\nblocks.positions = \"learned\"",
      "data.layout = \"interleaved\"\nblocks.positions = \"rotary\"\nblocks.norm = \"none\"\n" +
          wide,
      "data.layout = \"interleaved\"\ndata.label_code = \"scalar\"\nblocks.positions = \"onehot\"",
      "data.label_count = 4",
      "data.label_count = 4\ndata.label_vectors = \"gaussian\"\n" + wide,
      "data.label_count = 3\ndata.layout = \"interleaved\"\nblocks.positions = \"learned\"",
      "data.label_count = 4\ndata.label_vectors = \"gaussian\"\ndata.layout = \"interleaved\"\n"
      "blocks.positions = \"onehot\"\nblocks.norm = \"input\"",
      chains + "blocks.positions = \"learned\"",
      chains + "blocks.n_layers = 1\nblocks.positions = \"onehot\"\nblocks.norm = \"none\"",
      chains +
          "blocks.positions = \"rotary\"\nblocks.n_heads = 2\nblocks.d_head = 4\n"
          "blocks.attention = \"linear\"\nblocks.mlp = \"every\"\nblocks.d_mlp = 9",
      every_item + "blocks.positions = \"learned\"",
      every_item +
          "blocks.n_heads = 2\nblocks.d_head = 3\nblocks.norm = \"none\"\n"
          "data.label_code = \"scalar\"",
      every_item +
          "data.label_count = 4\ndata.label_vectors = \"gaussian\"\n"
          "blocks.positions = \"rotary\"\nblocks.mlp = \"every\"\nblocks.d_mlp = 9\n" +
          wide};
  return all;
}

inline constexpr const char* two_heads =
    "blocks.n_heads = 2\nblocks.d_head = 3\ndata.layout = \"interleaved\"\n"
    "blocks.positions = \"learned\"";

/// Parameters of a size at which no gradient is small; scores of the order of one.
inline void randomise(Model& model) {
  std::uint64_t seed = 31;
  for (nn::Parameter* p : model.parameters()) {
    const bool is_matrix = p->axes.size() == 2;
    const bool is_gain = !is_matrix && p->name.ends_with(".weight");
    const double fan_in = is_matrix ? static_cast<double>(p->value.extent(1)) : 4.0;
    test::fill_normal(p->value.values(), seed++, is_gain ? 0.3 : 1.2 / std::sqrt(fan_in),
                      is_gain ? 1 : 0);
  }
}

/// L, or 0 for signs.
inline std::int64_t labels_of(const config::Config& config) {
  const config::Asked asked = config::asked_of(config);
  return asked.loss == config::LossKind::cross_entropy ? asked.outputs : 0;
}

struct Case : test::ModelCase {
  explicit Case(const config::Config& config, std::int64_t batch = 5)
      : ModelCase(config, {.batch = batch,
                           .length = config.data.N,
                           .dimension = config.data.D,
                           .labels = labels_of(config)}) {
    randomise(*model);
  }
  explicit Case(const std::string& keys) : Case(make_config(keys)) {}
};

}  // namespace icl::model::blocks_test
