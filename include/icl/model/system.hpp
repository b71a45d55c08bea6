#pragma once

#include <memory>
#include <string_view>

#include "icl/config/config.hpp"
#include "icl/config/system.hpp"
#include "icl/model/model.hpp"

namespace icl::model {

/// A system: how its model is made, and in words from which it can be built again, as Description
/// has them. A source of src/model defines it for the row of NAME in config::ICL_SYSTEMS.
struct SystemDefinition {
  std::unique_ptr<Model> (*make)(const config::Config&, Storage);
  std::string_view title;
  std::string_view source;
  std::string_view input;    ///< what a token is
  std::string_view forward;  ///< from tokens to the logit z
};

namespace systems {
#define ICL_ROW(name, ...) extern const SystemDefinition name;
ICL_SYSTEMS(ICL_ROW)
#undef ICL_ROW
}  // namespace systems

[[nodiscard]] const SystemDefinition& definition_of(config::System);

// ---- What definitions are written with ----

template <class M>
std::unique_ptr<Model> make(const config::Config& config, Storage storage) {
  return std::make_unique<M>(config, storage);
}

inline constexpr std::string_view second_version = "Nguyen & Reddy 2024, arXiv:2412.00104";
inline constexpr std::string_view labelled_token =
    "token j = (x_j, label code), X numbers: x_j the item's D numbers, then with data.label_code = "
    "onehot (1, 0) for the label -1 and (0, 1) for +1, with scalar the label itself; the target, "
    "token N, the last, has zeros there";
inline constexpr std::string_view bare_item =
    "x_j, the D numbers of item j, and the labels l_j = -1 or +1 "
    "of the context; the target, x_N, is the last";

}  // namespace icl::model
