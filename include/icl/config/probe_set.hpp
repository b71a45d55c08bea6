#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "icl/config/config.hpp"
#include "icl/config/system.hpp"

namespace icl::config {

/// The probes that probe.record names, a row each: the name, and what it needs of the system. From
/// a row follow the enumerator and the declaration of probe::probes::NAME, which src/probe/NAME.cpp
/// defines: without that file the program does not link.
#define ICL_PROBES(ROW)                   \
  ROW(memorisation, nullptr)              \
  ROW(effective, &Capabilities::context)  \
  ROW(attention, &Capabilities::context)  \
  ROW(margins, &Capabilities::context)    \
  ROW(alignment, &Capabilities::matrices) \
  ROW(lesions, &Capabilities::context)    \
  ROW(norms, nullptr)

#define ICL_ROW(name, ...) name,
enum class ProbeName : std::uint8_t { ICL_PROBES(ICL_ROW) };
#undef ICL_ROW

struct ProbeRow {
  std::string_view name;
  ProbeName probe;
  Need need;  ///< of the system
};
[[nodiscard]] std::span<const ProbeRow> probe_rows();

[[nodiscard]] bool has_probe(System, ProbeName);

/// The probes that a run records: those of probe.record, or all that its system has; none if
/// probe.sequences is 0.
[[nodiscard]] std::vector<ProbeName> probes_of(const Config&);

}  // namespace icl::config
