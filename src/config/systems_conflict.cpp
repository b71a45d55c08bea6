#include "conflicts.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <string_view>
#include <vector>

#include "icl/config/field_values.hpp"
#include "icl/config/system.hpp"

namespace icl::config {
namespace {

/// A key that has a meaning only in some systems.
struct SystemsRow {
  std::string_view key;
  Need need;
};
constexpr std::array systems_table{
    SystemsRow{"model.layers", &Capabilities::layers},
    SystemsRow{"model.beta0", &Capabilities::scalar_beta},
    SystemsRow{"model.w0", &Capabilities::path_weight},
    SystemsRow{"model.attend_self", &Capabilities::path_weight},
    SystemsRow{"init.beta0", &Capabilities::initial_beta},
    SystemsRow{"data.label_code", &Capabilities::mixes_paths},
    SystemsRow{"data.layout", &Capabilities::blocks},
    SystemsRow{"data.label_count", &Capabilities::blocks},
    SystemsRow{"data.label_vectors", &Capabilities::blocks},
    SystemsRow{"data.task", &Capabilities::blocks},
    SystemsRow{"train.loss_at", &Capabilities::blocks},
    SystemsRow{"record.observers", &Capabilities::blocks},
    SystemsRow{"data.labels", &Capabilities::context},
    SystemsRow{"data.bursty", &Capabilities::context},
    SystemsRow{"data.copies", &Capabilities::context},
    SystemsRow{"data.novel", &Capabilities::context},
    SystemsRow{"eval.set", &Capabilities::context},
    SystemsRow{"stop.icl_accuracy", &Capabilities::context},
    SystemsRow{"eval.refine", &Capabilities::context},
    SystemsRow{"intervene.clamp", &Capabilities::context},
    SystemsRow{"compat.frozen_readout", &Capabilities::layers},
    SystemsRow{"compat.s4_epoch", &Capabilities::memoriser_alone},
};

/// Of a key: those of [blocks] are about the systems that are built by them.
Need need_of(const Field& field) {
  if (section_of(field) == "blocks") return &Capabilities::blocks;
  const auto* const row = std::ranges::find(systems_table, field.name, &SystemsRow::key);
  return row == systems_table.end() ? nullptr : row->need;
}

}  // namespace

std::optional<Conflict> of_other_systems(const Config& c) {
  static const Config defaults;
  for (const Field& field : fields()) {
    const Need need = need_of(field);
    if (meets(row_of(c.model.system).has, need) || get(field, c) == get(field, defaults)) continue;
    std::vector<std::string_view> others;
    others.reserve(systems.size());
    for (const SystemRow& system : systems) {
      if (meets(system.has, need)) others.push_back(system.name);
    }
    return Conflict{
        fmt::format("{} = {} has no meaning in the system \"{}\", only in: {}", field.name,
                    to_text(get(field, c)), word(c.model.system), fmt::join(others, " ")),
        {field.name, "model.system"}};
  }
  return std::nullopt;
}

bool has_meaning(const Field& field, System system) {
  return meets(row_of(system).has, need_of(field));
}

}  // namespace icl::config
