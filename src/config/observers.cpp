#include "icl/config/observers.hpp"

#include <algorithm>

#include "icl/config/config.hpp"

namespace icl::config {

std::vector<ObserverName> observers_of(const Config& config) {
  std::vector<ObserverName> names;
  if (!config.record.observers) return names;
  const std::vector<std::string>& wanted = **config.record.observers;
  for (const ObserverRow& row : observers) {
    if (std::ranges::find(wanted, row.name) != wanted.end()) names.push_back(row.observer);
  }
  return names;
}

}  // namespace icl::config
