#pragma once

#include <cstddef>
#include <map>
#include <string>
#include <string_view>
#include <utility>

#include "document.hpp"
#include "icl/config/config.hpp"

namespace icl::config {

/// `unknown key "data.k"; did you mean data.K?`
[[nodiscard]] std::string unknown_key(std::string_view name);

/// A configuration that is being put together. Remembers which setting of a key came last, to blame
/// it for a conflict.
class Draft {
 public:
  explicit Draft(Config start = {}) : config_(std::move(start)) {}

  /// Sets a key, or throws an Error that begins with its place.
  void apply(const Entry&);
  /// Applies "key=value" as `option` gives it; returns the key.
  std::string apply_override(const std::string& text, std::string_view option = "--set");
  /// Where a key was set last: "file:line" or the override; empty if nowhere.
  [[nodiscard]] std::string_view where(std::string_view name) const;
  /// The configuration. Throws Error(usage) if its values disagree.
  [[nodiscard]] Config finish() const;
  /// The same unchecked, for what is still to be changed.
  [[nodiscard]] const Config& config() const { return config_; }

 private:
  /// Where a key was set last, and how many settings came before that one.
  struct Origin {
    std::size_t order;
    std::string where;
  };

  Config config_;
  std::map<std::string, Origin, std::less<>> origins_;
  std::size_t settings_ = 0;
};

}  // namespace icl::config
