#pragma once

#include <concepts>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "icl/core/error.hpp"

namespace icl::config {

/// A value that was read once from text of a form of its own, with that text: TOML, the command
/// line and run files hold the text, and all else uses the value. Equal if the texts are.
template <class Value, std::optional<Value> (*read)(std::string_view)>
class Written {
 public:
  /// Nothing if the text is not in that form.
  [[nodiscard]] static std::optional<Written> from(std::string_view text) {
    auto value = read(text);
    if (!value) return std::nullopt;
    return Written(text, *std::move(value));
  }

  /// Of text that is known to be in that form; throws Error(ExitCode::internal) if it is not.
  // NOLINTBEGIN(google-explicit-constructor): a text in a test or a default is such a value
  template <class Text>
  requires std::convertible_to<const Text&, std::string_view> Written(const Text& text)
      : Written(checked(text)) {}
  // NOLINTEND(google-explicit-constructor)

  [[nodiscard]] const std::string& text() const { return text_; }
  [[nodiscard]] const Value& operator*() const { return value_; }
  [[nodiscard]] const Value* operator->() const { return &value_; }

  bool operator==(const Written& other) const { return text_ == other.text_; }

 private:
  Written(std::string_view text, Value value) : text_(text), value_(std::move(value)) {}

  [[nodiscard]] static Written checked(std::string_view text) {
    auto made = from(text);
    if (made) return *std::move(made);
    throw Error(ExitCode::internal, "\"" + std::string(text) + "\" is not in the form of its key");
  }

  std::string text_;
  Value value_;
};

}  // namespace icl::config
