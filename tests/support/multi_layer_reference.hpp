#pragma once

#include <string>
#include <vector>

#include "support/causal_reference.hpp"
#include "support/models.hpp"

namespace icl::test::reference {

/// S2, naively and with rounding errors, from the parameters of model.system =
/// config::System::multi_layer with the one-hot label code.
struct MultiLayer {
  MultiLayer(model::Model& model, std::size_t layers) : mlp(reference_mlp(model)) {
    const auto get = [&](const std::string& name) { return widen(value_of(model, name)); };
    const auto get_mlp = [&](const std::string& name) {
      return Mlp{get(name + ".0.weight"), get(name + ".0.bias"),   get(name + ".2.weight"),
                 get(name + ".2.bias"),   get(name + ".4.weight"), get(name + ".4.bias")};
    };
    norm = {get("to_embedding.0.weight"), get("to_embedding.0.bias"), {}};
    for (std::size_t l = 0; l < layers; ++l) {
      const std::string layer = "layers." + std::to_string(l);
      qkv.push_back(get(layer + ".qkv.weight"));
      if (l + 1 < layers) token_mlp.push_back(get_mlp(layer + ".mlp"));
    }
  }

  /// The logit of sequence b.
  [[nodiscard]] double forward(const Sample& sample, std::int64_t b,
                               nn::Attending attending) const {
    Rows x;
    for (std::int64_t j = 0; j < sample.batch.length; ++j) x.push_back(norm.normed(sample, b, j));
    for (std::size_t l = 0; l < token_mlp.size(); ++l) {
      Rows y;
      for (std::size_t i = 0; i < x.size(); ++i) {
        y.push_back(token_mlp[l].outputs(attended(qkv[l], x, i)));
      }
      x = y;
    }
    return mlp.forward(
        attended(qkv.back(), x, x.size() - 1, given_weights(attending, sample.batch, b)));
  }

  [[nodiscard]] Rounded rounded(const Sample& sample, std::int64_t b,
                                nn::Attending attending) const {
    RoundedRows x;
    for (std::int64_t j = 0; j < sample.batch.length; ++j) x.push_back(embedded(sample, b, j));
    for (std::size_t l = 0; l < token_mlp.size(); ++l) {
      RoundedRows y;
      for (std::size_t i = 0; i < x.size(); ++i) {
        y.push_back(rounded_outputs(token_mlp[l], rounded_attended(qkv[l], x, i)));
      }
      x = y;
    }
    return rounded_mlp(mlp, rounded_attended(qkv.back(), x, x.size() - 1,
                                             given_weights(attending, sample.batch, b)));
  }

  [[nodiscard]] RoundedVector embedded(const Sample& sample, std::int64_t b, std::int64_t j) const {
    const std::int64_t k = sample.batch.items.row(b)[j];
    const bool target = j + 1 == sample.batch.length;
    RoundedVector n = rounded_expand(rounded_encode(sample.item(k), target ? 0 : sample.labels[k]));
    for (std::size_t i = 0; i < n.size(); ++i) {
      n[i] = Rounded(norm.gain[i]) * n[i] + Rounded(norm.bias[i]);
    }
    return n;
  }

  Attention norm;  ///< gain and bias
  std::vector<Vector> qkv;
  std::vector<Mlp> token_mlp;
  Mlp mlp;
};

}  // namespace icl::test::reference
