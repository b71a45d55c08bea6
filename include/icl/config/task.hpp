#pragma once

#include <array>
#include <cstdint>
#include <string_view>

#include "icl/config/loss.hpp"

namespace icl::config {

struct Config;

/// The tasks: the words of data.task. From a name follow the enumerator and the declaration of
/// task::tasks::NAME, which a source of src/task defines: without that the program does not link.
#define ICL_TASKS(ROW) ROW(labels) ROW(regression) ROW(chains)

#define ICL_ROW(name) name,
enum class TaskKind : std::uint8_t { ICL_TASKS(ICL_ROW) };
#undef ICL_ROW

#define ICL_ROW(name) #name,
constexpr auto words(TaskKind /*type*/) {
  return std::to_array<std::string_view>({ICL_TASKS(ICL_ROW)});
}
#undef ICL_ROW

/// What a task is made of, and how it is spoken of. Keys, probes, tokens, exports and columns ask
/// for these; only bounds of sizes and versions of numbers ask which task it is.
struct TaskRow {
  TaskKind task;
  bool items = false;         ///< tokens hold items x of D numbers
  bool symbols = false;       ///< tokens are one of D symbols
  bool labels = false;        ///< items have labels, of which an accuracy of 0.95 tells ICL
  bool draws_tokens = false;  ///< no token is a row of a table, whatever K is
  Asked (*asked)(const Config&);
  std::int64_t (*label_entries)(const Config&);  ///< that a token has for its label, or for its y
  std::string_view one, table;  ///< what K counts: "task", and the table of an export, "tasks"
  std::string_view row;         ///< what a row of that table holds
  /// Sequences of an evaluation set, of novel items and of those of training; empty: its own words.
  std::string_view novel = {}, training = {};
  std::string_view input = {}, output = {};  ///< of /model; empty: the system's own words
};
/// Those of src/config/task.cpp, one for each name.
[[nodiscard]] const TaskRow& row_of(TaskKind);

}  // namespace icl::config
