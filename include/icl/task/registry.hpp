#pragma once

#include <cstdint>
#include <memory>
#include <optional>

#include "icl/config/config.hpp"
#include "icl/config/observers.hpp"
#include "icl/core/parallel.hpp"
#include "icl/task/given_items.hpp"
#include "icl/task/task.hpp"

namespace icl::task {

/// A task: how it is made, and what it takes of memory. A source of src/task defines it for NAME in
/// config::ICL_TASKS.
struct TaskDefinition {
  std::unique_ptr<Task> (*make)(const config::Config&, std::optional<GivenItems>&&,
                                const TokenEncoder&, const Workers&);
  /// Room for batches of up to `capacity` sequences, as the task makes it.
  Batch (*room)(const config::Config&, BatchShape, std::int64_t capacity, Storage);
  /// Bytes of its tables, of rows of `width` numbers, and of what observers know of them; at K =
  /// infinity too.
  double (*table_bytes)(const config::Config&, std::int64_t width);
  /// Bytes that each thread takes while it computes an answer of that observer; 0 of one that there
  /// is not.
  double (*answer_bytes)(const config::Config&, config::ObserverName);
};

namespace tasks {
#define ICL_ROW(name, ...) extern const TaskDefinition name;
ICL_TASKS(ICL_ROW)
#undef ICL_ROW
}  // namespace tasks

[[nodiscard]] const TaskDefinition& definition_of(config::TaskKind);

/// The task of a run. The encoder must outlive it. `given` holds the items where data.items is set.
[[nodiscard]] std::unique_ptr<Task> make_task(const config::Config&,
                                              std::optional<GivenItems> given, const TokenEncoder&,
                                              const Workers&);

}  // namespace icl::task
