#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>
#include <variant>

#include "icl/probe/memory.hpp"

namespace icl::train {

/// Where a run stands, beside its parameters, with what its probes remember.
struct Progress : probe::Memory {
  std::int64_t step = 0;  ///< completed updates
  double train_loss = 0;  ///< sum over the answers since the last evaluation
  std::int64_t train_correct = 0;
  std::int64_t train_answers = 0;  ///< one a sequence, or N with train.loss_at = every
  std::optional<std::int64_t> t_icl_step;
  std::optional<std::int64_t> t_icl_refined;  ///< to the single step, by eval.refine
  bool operator==(const Progress&) const = default;
};

/// A member of Progress as run files name it.
struct ProgressField {
  std::string_view name;
  /// Counts are never negative, and numbers finite; what is optional may be absent, and is
  /// anything.
  std::variant<std::int64_t Progress::*, double Progress::*,
               std::optional<std::int64_t> Progress::*, std::optional<double> Progress::*>
      member;
};

/// All members: what run files hold of a Progress is written and read by this
/// table, and compared as it is written. A new member is a row here.
inline constexpr std::array progress_fields{
    ProgressField{"step", &Progress::step},
    ProgressField{"train_loss_sum", &Progress::train_loss},
    ProgressField{"train_correct", &Progress::train_correct},
    ProgressField{"train_sequences", &Progress::train_answers},
    ProgressField{"t_icl_step", &Progress::t_icl_step},
    ProgressField{"t_icl_step_refined", &Progress::t_icl_refined},
    ProgressField{"I_K", &Progress::I_K},
    ProgressField{"c1", &Progress::c1},
    ProgressField{"elapsed", &Progress::elapsed},
};
static_assert(
    [] {
      std::size_t bytes = 0;
      for (const ProgressField& field : progress_fields) {
        bytes +=
            std::visit([]<class T>(T Progress::* /*member*/) { return sizeof(T); }, field.member);
      }
      return bytes;
    }() == sizeof(Progress),
    "each member of Progress needs its row in progress_fields");

}  // namespace icl::train
