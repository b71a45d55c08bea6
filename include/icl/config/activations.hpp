#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "icl/config/config.hpp"
#include "icl/config/system.hpp"

namespace icl::config {

/// An activation that record.activations names. Where a system has several layers it is that of
/// the last one.
struct ActivationRow {
  std::string_view name;
  std::string_view tensor;  ///< what the model calls it (model::Activations::forward_tensors)
  std::string_view axis;    ///< name of its axis beside that of sequences; empty: one number each
  std::string_view long_name;  ///< short enough for an axis
  std::string_view description;
  Need need;  ///< of the system
};
[[nodiscard]] std::span<const ActivationRow> activation_rows();

/// Those that a run records, in the order of the table.
[[nodiscard]] std::vector<const ActivationRow*> activations_of(const Config&);

}  // namespace icl::config
