#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

namespace icl::config {

/// What a system has. Keys, probes and commands ask for these, never for a system.
struct Capabilities {
  bool context = false;      ///< it reads more than the target: attention, copies, ICL
  bool mixes_paths = false;  ///< its MLP reads what the target attends to, so that the memoriser is
                             ///< no path by itself; its tokens hold their labels
  bool matrices = false;     ///< attention by the matrices W_q and W_k
  bool scalar_beta = false;  ///< attention by one number beta
  bool path_weight = false;  ///< a number w weighs the path of attention
  bool layers = false;       ///< any number of layers, and a readout of its own
  bool initial_beta = false;     ///< its effective beta can be chosen: model::Model::favour_copies
  bool memoriser_alone = false;  ///< it is the memoriser and nothing else
  bool gathers = false;          ///< it forms the sum of the tokens that the target attends to
  bool blocks = false;           ///< it is built by the keys of [blocks]
  bool heads = false;            ///< each head of each layer can be looked at and be clamped
};

/// What a key, a probe or an activation needs of a system; nullptr: nothing.
using Need = bool Capabilities::*;
[[nodiscard]] constexpr bool meets(const Capabilities& has, Need need) {
  return need == nullptr || has.*need;
}

/// The systems, a row each, in the paper's names S1 to S4, with one between S1 and S3, and the
/// general transformer: the value of model.system, a title for people, and what it has. From a row
/// follow the enumerator and the declaration of model::systems::NAME, which a source of src/model
/// defines: without that the program does not link.
// clang-format off: a row each
#define ICL_SYSTEMS(ROW)                                                                         \
  ROW(one_layer, "S1", .context = true, .mixes_paths = true, .matrices = true,                   \
      .initial_beta = true, .gathers = true)                                                     \
  ROW(multi_layer, "S2", .context = true, .mixes_paths = true, .matrices = true, .layers = true, \
      .gathers = true)                                                                           \
  ROW(scalar_beta, "scalar beta", .context = true, .mixes_paths = true, .scalar_beta = true,     \
      .gathers = true)                                                                           \
  ROW(minimal, "S3", .context = true, .scalar_beta = true, .path_weight = true)                  \
  ROW(memoriser, "S4", .memoriser_alone = true)                                                  \
  ROW(blocks, "transformer", .context = true, .mixes_paths = true, .blocks = true, .heads = true)
// clang-format on

#define ICL_ROW(name, ...) name,
enum class System : std::uint8_t { ICL_SYSTEMS(ICL_ROW) };
#undef ICL_ROW

struct SystemRow {
  System system;
  std::string_view name;   ///< the value of model.system
  std::string_view title;  ///< in short, for people
  Capabilities has;
};

#define ICL_ROW(name, title, ...) SystemRow{System::name, #name, title, {__VA_ARGS__}},
inline constexpr std::array systems{ICL_SYSTEMS(ICL_ROW)};
#undef ICL_ROW

#define ICL_ROW(name, ...) #name,
constexpr auto words(System /*type*/) {
  return std::to_array<std::string_view>({ICL_SYSTEMS(ICL_ROW)});
}
#undef ICL_ROW

[[nodiscard]] constexpr const SystemRow& row_of(System system) {
  return systems.at(static_cast<std::size_t>(system));
}

}  // namespace icl::config
