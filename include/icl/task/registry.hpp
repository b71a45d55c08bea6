#pragma once

#include <memory>
#include <optional>

#include "icl/config/config.hpp"
#include "icl/core/parallel.hpp"
#include "icl/task/given_items.hpp"
#include "icl/task/task.hpp"

namespace icl::task {

/// The task of a run. The encoder must outlive it. `given` holds the items where data.items is set.
[[nodiscard]] std::unique_ptr<Task> make_task(const config::Config&,
                                              std::optional<GivenItems> given, const TokenEncoder&,
                                              const Workers&);

}  // namespace icl::task
