#include "icl/task/registry.hpp"

#include <utility>

#include "icl/task/item_label.hpp"
#include "icl/task/regression.hpp"

namespace icl::task {

std::unique_ptr<Task> make_task(const config::Config& config, std::optional<GivenItems> given,
                                const TokenEncoder& encoder, const Workers& workers) {
  switch (config::task_of(config)) {
    case config::TaskKind::labels:
      break;
    case config::TaskKind::regression:
      return std::make_unique<RegressionTask>(config, encoder, workers);
  }
  return std::make_unique<ItemLabelTask>(config, std::move(given), encoder, workers);
}

}  // namespace icl::task
