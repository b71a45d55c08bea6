#include "icl/task/registry.hpp"

#include <array>
#include <utility>

namespace icl::task {

const TaskDefinition& definition_of(config::TaskKind task) {
#define ICL_ROW(name, ...) &tasks::name,
  static constexpr std::array definitions{ICL_TASKS(ICL_ROW)};
#undef ICL_ROW
  return *definitions.at(static_cast<std::size_t>(task));
}

std::unique_ptr<Task> make_task(const config::Config& config, std::optional<GivenItems> given,
                                const TokenEncoder& encoder, const Workers& workers) {
  return definition_of(config::task_of(config)).make(config, std::move(given), encoder, workers);
}

}  // namespace icl::task
