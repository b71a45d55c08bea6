#include "icl/task/registry.hpp"

#include <utility>

#include "icl/task/item_label.hpp"

namespace icl::task {

std::unique_ptr<Task> make_task(const config::Config& config, std::optional<GivenItems> given,
                                const TokenEncoder& encoder, const Workers& workers) {
  return std::make_unique<ItemLabelTask>(config, std::move(given), encoder, workers);
}

}  // namespace icl::task
