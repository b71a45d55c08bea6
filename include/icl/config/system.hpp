#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

namespace icl::config {

/// What there is in a system, as far as keys and probes ask.
enum class Kind : std::uint8_t {
  transformer,  ///< layer norm, attention by query and key matrices, MLP
  scalar_beta,  ///< attention by one number beta, a value matrix, MLP
  minimal,      ///< attention by one number beta, and an MLP on the target alone
  memoriser,    ///< an MLP on the target alone; reads no context
};

/// Whether a system of this kind reads more than the target.
constexpr bool reads_context(Kind kind) { return kind != Kind::memoriser; }
/// Whether its MLP reads what the target attends to: then the memoriser is not a path by itself.
constexpr bool mixes_paths(Kind kind) {
  return kind == Kind::transformer || kind == Kind::scalar_beta;
}

struct System {
  std::string_view name;
  Kind kind;
  std::string_view title;  ///< in short, for people
};

/// The values of model.system. A new system is a row here, and one in model/model.cpp that makes
/// it.
inline constexpr std::array systems{
    System{"one_layer", Kind::transformer, "S1"},
    System{"multi_layer", Kind::transformer, "S2"},
    System{"scalar_beta", Kind::scalar_beta, "scalar beta"},
    System{"minimal", Kind::minimal, "S3"},
    System{"memoriser", Kind::memoriser, "S4"},
};

inline constexpr auto system_names = [] {
  std::array<std::string_view, systems.size()> names;
  for (std::size_t i = 0; i < systems.size(); ++i) names[i] = systems[i].name;
  return names;
}();

/// The kind of the system of that name; call only with a name that is one.
[[nodiscard]] constexpr Kind kind_of(std::string_view system) {
  for (const System& row : systems) {
    if (row.name == system) return row.kind;
  }
  return Kind::transformer;
}

}  // namespace icl::config
