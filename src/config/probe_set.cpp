#include "icl/config/probe_set.hpp"

#include <algorithm>
#include <array>

namespace icl::config {
namespace {

#define ICL_ROW(name, ...) ProbeRow{#name, ProbeName::name, __VA_ARGS__},
constexpr std::array all_probes{ICL_PROBES(ICL_ROW)};
#undef ICL_ROW

}  // namespace

std::span<const ProbeRow> probe_rows() { return all_probes; }

bool has_probe(System system, ProbeName probe) {
  return meets(row_of(system).has, std::ranges::find(all_probes, probe, &ProbeRow::probe)->need);
}

bool reads_labels(ProbeName probe) {
  return std::ranges::find(all_probes, probe, &ProbeRow::probe)->tasks == Tasks::labels;
}

bool reads_two_labels(ProbeName probe) {
  return probe == ProbeName::memorisation || probe == ProbeName::effective;
}

namespace {

/// Whether a probe takes the weights of attention for shares of one, which linear ones are not.
bool reads_shares(ProbeName probe) {
  return probe == ProbeName::effective || probe == ProbeName::attention;
}

}  // namespace

std::vector<ProbeName> probes_of(const Config& config) {
  std::vector<ProbeName> probes;
  if (config.probe.sequences == 0) return probes;
  const auto& asked = config.probe.record;
  const bool linear = row_of(config.model.system).has.blocks &&
                      blocks_shape(config).attention == AttentionKind::linear;
  for (const ProbeRow& row : all_probes) {
    if (linear && reads_shares(row.probe)) continue;
    if (config.data.label_count && reads_two_labels(row.probe)) continue;
    if (!row_of(task_of(config)).labels && reads_labels(row.probe)) continue;
    const bool wanted = asked ? std::ranges::find(**asked, row.name) != (*asked)->end()
                              : row.recorded == Recorded::always;
    if (wanted && meets(row_of(config.model.system).has, row.need)) probes.push_back(row.probe);
  }
  return probes;
}

bool probes_sequences(const Config& config) {
  return std::ranges::any_of(probes_of(config), [](ProbeName probe) {
    return std::ranges::find(all_probes, probe, &ProbeRow::probe)->looks_at == LooksAt::sequences;
  });
}

}  // namespace icl::config
