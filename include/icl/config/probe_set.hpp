#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "icl/config/config.hpp"
#include "icl/config/system.hpp"

namespace icl::config {

/// The probes that probe.record names, a row each: the name, what it needs of the system, whether a
/// run without probe.record has it, of which tasks it is, and what it looks at. From a row follow
/// the enumerator and the declaration of probe::probes::NAME, which src/probe/NAME.cpp defines:
/// without that file the program does not link.
#define ICL_PROBES(ROW)                                                                       \
  ROW(memorisation, nullptr, Recorded::always, Tasks::labels, LooksAt::sequences)             \
  ROW(effective, &Capabilities::context, Recorded::always, Tasks::labels, LooksAt::sequences) \
  ROW(attention, &Capabilities::context, Recorded::always, Tasks::labels, LooksAt::sequences) \
  ROW(margins, &Capabilities::context, Recorded::always, Tasks::labels, LooksAt::sequences)   \
  ROW(alignment, &Capabilities::matrices, Recorded::always, Tasks::all, LooksAt::parameters)  \
  ROW(lesions, &Capabilities::context, Recorded::always, Tasks::labels, LooksAt::sequences)   \
  ROW(norms, nullptr, Recorded::always, Tasks::all, LooksAt::parameters)                      \
  ROW(heads, &Capabilities::heads, Recorded::if_named, Tasks::all, LooksAt::sequences)        \
  ROW(head_lesions, &Capabilities::heads, Recorded::if_named, Tasks::all, LooksAt::sequences)

enum class Recorded : std::uint8_t {
  always,
  if_named,  ///< in probe.record: the columns of runs from before it stay as they are
};

/// Whose sequences a probe looks at.
enum class Tasks : std::uint8_t {
  labels,  ///< those of items with labels: TaskRow::labels
  all,
};

enum class LooksAt : std::uint8_t {
  sequences,
  parameters,  ///< and their gradients: at no sequences of probes
};

#define ICL_ROW(name, ...) name,
enum class ProbeName : std::uint8_t { ICL_PROBES(ICL_ROW) };
#undef ICL_ROW

struct ProbeRow {
  std::string_view name;
  ProbeName probe;
  Need need;  ///< of the system
  Recorded recorded;
  Tasks tasks;
  LooksAt looks_at;
};
[[nodiscard]] std::span<const ProbeRow> probe_rows();

[[nodiscard]] bool has_probe(System, ProbeName);
/// Whether it looks at items with labels, and so belongs to runs of these alone.
[[nodiscard]] bool reads_labels(ProbeName);

/// Whether any probe of a run looks at sequences.
[[nodiscard]] bool probes_sequences(const Config&);

/// Whether a probe clamps attention to copies that carry -1 and +1: of data.label_count labels
/// there are others.
[[nodiscard]] bool reads_two_labels(ProbeName probe);

/// The probes that a run records: those of probe.record, or all that its system has but those that
/// are recorded if they are named; none if
/// probe.sequences is 0.
[[nodiscard]] std::vector<ProbeName> probes_of(const Config&);

}  // namespace icl::config
