#include "icl/config/probe_set.hpp"

#include <algorithm>
#include <array>

#include "icl/config/activations.hpp"

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
  ProbeNames names;
  for (const std::string_view name : split_words(text)) {
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
