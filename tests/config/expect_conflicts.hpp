#pragma once

#include <gtest/gtest.h>

#include <string>
#include <string_view>
#include <vector>

#include "icl/config/conflict.hpp"
#include "icl/config/system.hpp"

namespace icl::config {

inline Config of_system(std::string_view system) {
  Config config;
  config.model.system = choice_of<System>(system).value();
  return config;
}

/// An edit of the defaults, and the conflict that it makes.
struct Row {
  void (*edit)(Config&);
  std::string message;
  std::vector<std::string_view> keys;
};

inline void expect_conflicts(const std::vector<Row>& rows) {
  for (const auto& [edit, message, keys] : rows) {
    SCOPED_TRACE(message);
    Config config;
    edit(config);
    const auto conflict = find_conflict(config);
    if (!conflict) {
      ADD_FAILURE() << "no conflict";
      continue;
    }
    EXPECT_EQ(conflict->message, message);
    EXPECT_EQ(conflict->keys, keys);
    for (const std::string_view key : keys) EXPECT_NE(find_field(key), nullptr) << key;
  }
}

/// The first conflict of the defaults after `edit`, or nothing.
template <class Edit>
std::string message_after(const Edit& edit) {
  Config config;
  edit(config);
  const auto conflict = find_conflict(config);
  return conflict ? conflict->message : "";
}

}  // namespace icl::config
