#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>

#include "icl/config/fields.hpp"

/// \file
/// How the rows of the table of fields say where in Config their keys lie.

namespace icl::config {

inline constexpr std::int64_t max_size = 65536;
inline constexpr std::int64_t max_layers = 64;

template <auto section, auto key>
constexpr auto member() {
  using T = std::remove_cvref_t<decltype(std::declval<Config&>().*section.*key)>;
  return Member<T>{[](const Config& config) -> const T& { return config.*section.*key; },
                   [](Config& config) -> T& { return config.*section.*key; }};
}

template <auto section, auto key>
constexpr auto choice() {
  using T = std::remove_cvref_t<decltype(std::declval<Config&>().*section.*key)>;
  return ChoiceAccess{[](const Config& config) { return word(config.*section.*key); },
                      [](Config& config, std::string_view text) {
                        const auto value = choice_of<T>(text);
                        if (value) config.*section.*key = *value;
                        return value.has_value();
                      },
                      words_of<T>};
}

/// The same of a key that may be absent.
template <auto section, auto key>
constexpr auto optional_choice() {
  using T =
      typename std::remove_cvref_t<decltype(std::declval<Config&>().*section.*key)>::value_type;
  return OptionalChoiceAccess{[](const Config& config) {
                                const auto value = config.*section.*key;
                                return value ? std::optional(word(*value)) : std::nullopt;
                              },
                              [](Config& config, std::optional<std::string_view> text) {
                                const auto value = text ? choice_of<T>(*text) : std::nullopt;
                                if (value || !text) config.*section.*key = value;
                                return value.has_value() || !text;
                              },
                              words_of<T>};
}

/// Text that `accepts` takes and that is kept as it is, or that a Written reads.
template <auto section, auto key, bool (*accepts)(std::string_view) = nullptr>
constexpr auto text(std::string_view form) {
  using T =
      typename std::remove_cvref_t<decltype(std::declval<Config&>().*section.*key)>::value_type;
  return TextAccess{[](const Config& config) -> const std::string* {
                      const auto& member = config.*section.*key;
                      if (!member) return nullptr;
                      if constexpr (accepts != nullptr) {
                        return &*member;
                      } else {
                        return &member->text();
                      }
                    },
                    [](Config& config, std::string_view words) {
                      if constexpr (accepts != nullptr) {
                        if (accepts(words)) config.*section.*key = T(words);
                        return accepts(words);
                      } else {
                        auto value = T::from(words);
                        const bool taken = value.has_value();
                        if (taken) config.*section.*key = std::move(value);
                        return taken;
                      }
                    },
                    [](Config& config) { (config.*section.*key).reset(); }, form};
}

}  // namespace icl::config
