#pragma once

#include <algorithm>
#include <cmath>
#include <memory>
#include <stdexcept>
#include <string>
#include <string_view>

#include "icl/config/config.hpp"
#include "icl/model/model.hpp"
#include "support/random.hpp"
#include "support/reference.hpp"

namespace icl::test {

inline std::unique_ptr<model::Model> make_one_layer(std::int64_t dimension, std::int64_t hidden) {
  config::Config config;
  config.model.system = "one_layer";
  config.model.hidden = hidden;
  config.data.D = dimension;
  return model::make_model(config);
}

/// Parameters of a size at which no gradient is small: gains around 1, other vectors of the order
/// of one half, matrices that keep the scale of their input.
inline void randomise(model::Model& model) {
  std::uint64_t seed = 31;
  for (nn::Parameter* p : model.parameters()) {
    const bool is_matrix = p->axes.size() == 2;
    const bool is_gain = p->name == "to_embedding.0.weight";
    const double fan_in = is_matrix ? static_cast<double>(p->value.extent(1)) : 4.0;
    fill_normal(p->value.values(), seed++, is_gain ? 0.3 : 1.2 / std::sqrt(fan_in),
                is_gain ? 1 : 0);
  }
}

inline const Tensor& value_of(model::Model& model, std::string_view name) {
  for (const nn::Parameter* p : model.parameters()) {
    if (p->name == name) return p->value;
  }
  throw std::out_of_range(std::string(name));
}

/// S1 in double, from the parameters of `model`.
struct ReferenceOneLayer {
  explicit ReferenceOneLayer(model::Model& model) {
    const auto get = [&](std::string_view name) { return reference::widen(value_of(model, name)); };
    attention = {get("to_embedding.0.weight"), get("to_embedding.0.bias"), get("qkv.weight")};
    mlp = {get("mlp.0.weight"), get("mlp.0.bias"),   get("mlp.2.weight"),
           get("mlp.2.bias"),   get("mlp.4.weight"), get("mlp.4.bias")};
  }
  [[nodiscard]] double forward(const Sample& sample, std::int64_t b) const {
    return mlp.forward(attention.forward(sample, b));
  }

  reference::Attention attention;
  reference::Mlp mlp;
};

}  // namespace icl::test
