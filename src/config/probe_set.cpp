#include "icl/config/probe_set.hpp"

#include <algorithm>
#include <array>

namespace icl::config {
namespace {

bool always(const Capabilities& /*has*/) { return true; }
bool with_matrices(const Capabilities& has) { return has.matrices; }
bool with_context(const Capabilities& has) { return has.context; }

constexpr std::array rows{
    ProbeRow{"memorisation", ProbeName::memorisation, always},
    ProbeRow{"effective", ProbeName::effective, with_context},
    ProbeRow{"attention", ProbeName::attention, with_context},
    ProbeRow{"margins", ProbeName::margins, with_context},
    ProbeRow{"alignment", ProbeName::alignment, with_matrices},
    ProbeRow{"lesions", ProbeName::lesions, with_context},
    ProbeRow{"norms", ProbeName::norms, always},
};

}  // namespace

std::span<const ProbeRow> probe_rows() { return rows; }

ProbeNames parse_probes(std::string_view text) {
  constexpr std::string_view blanks = " ,";
  ProbeNames names;
  while (!text.empty()) {
    const std::size_t first = std::min(text.find_first_not_of(blanks), text.size());
    text.remove_prefix(first);
    const std::string_view name = text.substr(0, text.find_first_of(blanks));
    text.remove_prefix(name.size());
    if (name.empty()) continue;
    const auto* const row = std::ranges::find(rows, name, &ProbeRow::name);
    if (row == rows.end()) {
      names.unknown = name;
      return names;
    }
    names.probes.push_back(row->probe);
  }
  return names;
}

bool has_probe(System system, ProbeName probe) {
  return std::ranges::find(rows, probe, &ProbeRow::probe)->exists(row_of(system).has);
}

std::vector<ProbeName> probes_of(const Config& config) {
  const Capabilities& has = row_of(config.model.system).has;
  std::vector<ProbeName> asked;
  if (config.probe.record) asked = parse_probes(*config.probe.record).probes;
  std::vector<ProbeName> probes;
  for (const ProbeRow& row : rows) {
    const bool wanted = !config.probe.record || std::ranges::find(asked, row.probe) != asked.end();
    if (config.probe.sequences > 0 && wanted && row.exists(has)) probes.push_back(row.probe);
  }
  return probes;
}

}  // namespace icl::config
