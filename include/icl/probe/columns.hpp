#pragma once

#include <span>
#include <string_view>

#include "icl/config/probe_set.hpp"
#include "icl/probe/reading.hpp"

namespace icl::probe {

/// A number of a reading, as the run file records it. A new probe is a row of the table in
/// columns.cpp, and what the prober has to measure for it.
struct Column {
  config::ProbeName probe;
  std::string_view name;
  std::string_view units;
  std::string_view description;
  std::string_view formula;
  double (*value)(const Reading&);
  std::string_view source;
};
[[nodiscard]] std::span<const Column> columns();

/// Where a formula comes from.
inline constexpr std::string_view of_the_paper =
    "Nguyen & Reddy (2024), arXiv 2412.00104, theory of the minimal model";
inline constexpr std::string_view of_icl = "icl, this project's own";

}  // namespace icl::probe
