#pragma once

#include <gtest/gtest.h>

#include <string>

#include "icl/core/error.hpp"

namespace icl::test {

/// What an action ended in: an Error's code and message, or ExitCode::done and "no error".
struct Outcome {
  ExitCode code = ExitCode::done;
  std::string message = "no error";
};

template <class Action>
Outcome outcome_of(const Action& action) {
  try {
    static_cast<void>(action());
  } catch (const Error& error) {
    return {error.code(), error.what()};
  }
  return {};
}

/// The message of the Error that `action` must throw, with this code.
template <class Action>
std::string message_of(ExitCode code, const Action& action) {
  Outcome outcome = outcome_of([&] {
    action();
    return 0;
  });
  EXPECT_EQ(outcome.code, code) << outcome.message;
  return outcome.message;
}

/// Expects `action` to throw an Error with this code whose message holds `part`.
template <class Action>
void expect_error(ExitCode code, const std::string& part, const Action& action) {
  const std::string message = message_of(code, action);
  EXPECT_NE(message.find(part), std::string::npos) << message;
}

}  // namespace icl::test
