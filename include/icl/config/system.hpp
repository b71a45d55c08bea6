#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

namespace icl::config {

/// The models, in the paper's names S1 to S4, one between S1 and S3, and the general transformer.
enum class System : std::uint8_t {
  one_layer,
  multi_layer,
  scalar_beta,
  minimal,
  memoriser,
  blocks
};

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
};

/// What a key, a probe or an activation needs of a system; nullptr: nothing.
using Need = bool Capabilities::*;
[[nodiscard]] constexpr bool meets(const Capabilities& has, Need need) {
  return need == nullptr || has.*need;
}

struct SystemRow {
  System system;
  std::string_view name;   ///< the value of model.system
  std::string_view title;  ///< in short, for people
  Capabilities has;
};

/// A row for each system, in the order of the enumeration. A new system is an enumerator and a row
/// here, and a row in model/model.cpp that makes it.
inline constexpr std::array systems{
    SystemRow{System::one_layer,
              "one_layer",
              "S1",
              {.context = true,
               .mixes_paths = true,
               .matrices = true,
               .initial_beta = true,
               .gathers = true}},
    SystemRow{
        System::multi_layer,
        "multi_layer",
        "S2",
        {.context = true, .mixes_paths = true, .matrices = true, .layers = true, .gathers = true}},
    SystemRow{System::scalar_beta,
              "scalar_beta",
              "scalar beta",
              {.context = true, .mixes_paths = true, .scalar_beta = true, .gathers = true}},
    SystemRow{System::minimal,
              "minimal",
              "S3",
              {.context = true, .scalar_beta = true, .path_weight = true}},
    SystemRow{System::memoriser, "memoriser", "S4", {.memoriser_alone = true}},
    SystemRow{System::blocks,
              "blocks",
              "transformer",
              {.context = true, .mixes_paths = true, .blocks = true}},
};

constexpr auto words(System /*type*/) {
  std::array<std::string_view, systems.size()> names;
  for (std::size_t i = 0; i < systems.size(); ++i) names[i] = systems[i].name;
  return names;
}

[[nodiscard]] constexpr const SystemRow& row_of(System system) {
  return systems.at(static_cast<std::size_t>(system));
}

static_assert([] {
  for (std::size_t i = 0; i < systems.size(); ++i) {
    if (static_cast<std::size_t>(systems[i].system) != i) return false;
  }
  return true;
}());

}  // namespace icl::config
