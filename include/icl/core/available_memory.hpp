#pragma once

#include <optional>
#include <string>
#include <vector>

#include "icl/core/cgroup.hpp"

namespace icl {

/// What keeps this process from taking more memory.
struct MemoryBound {
  std::string owner;      ///< whose it is, as the subject of "... has 2.1 GB left"
  double limit = 0;       ///< bytes in all
  double left = 0;        ///< bytes that this process may still take
  bool is_shared = true;  ///< with other processes; otherwise each has as much for itself
};

/// Where the bounds are read from: as texts and numbers, so that tests can say what they like.
struct MemorySources {
  std::string meminfo;  ///< the text of /proc/meminfo
  std::string statm;    ///< the text of /proc/self/statm
  double page_bytes = 0;
  std::optional<cgroup::Memory> group;
  std::optional<double> address_space;  ///< RLIMIT_AS [bytes]; none: no limit
  std::optional<double> data;           ///< RLIMIT_DATA [bytes]
};
[[nodiscard]] MemorySources memory_sources();

/// All bounds that are in force and can be read, the narrowest first: the memory of the machine
/// that is free or would be freed (MemAvailable), that of the control group, and the limits of
/// address space (ulimit -v) and data (ulimit -d). Empty where nothing is known.
[[nodiscard]] std::vector<MemoryBound> memory_bounds(const MemorySources& = memory_sources());

/// "3.2 GB", "120 MB": decimal units, to three digits or so.
[[nodiscard]] std::string bytes_text(double bytes);

}  // namespace icl
