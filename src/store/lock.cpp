#include "icl/store/lock.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <csignal>
#include <cstdio>
#include <string_view>
#include <system_error>
#include <utility>

#include "icl/core/error.hpp"
#include "icl/core/message.hpp"
#include "icl/store/file.hpp"
#include "icl/store/lock_taking.hpp"

namespace icl::store {
namespace {

[[noreturn]] void is_held(const Place& place, const LockFile& lock) {
  const std::string output = place.given().native();
  const std::string file = place.lock_path().native();
  throw Error(ExitCode::cannot_create,
              lock.holder
                  ? fmt::format("'{}' is being written by {} (lock file '{}')", output,
                                describe_holder(lock), file)
                  : fmt::format("'{}' seems to be written by {}: its lock file '{}' {}; it counts "
                                "as left over when it was not touched for {} s",
                                output, describe_holder(lock), file,
                                lock.text ? "names no process" : "may not be read by this user",
                                OutputLock::patience.count()));
}

/// Signals go to the other threads of the process while it lives.
class SignalsBlocked {
 public:
  SignalsBlocked() {
    sigset_t all;
    sigfillset(&all);
    pthread_sigmask(SIG_BLOCK, &all, &before_);
  }
  ~SignalsBlocked() { pthread_sigmask(SIG_SETMASK, &before_, nullptr); }
  SignalsBlocked(const SignalsBlocked&) = delete;
  SignalsBlocked& operator=(const SignalsBlocked&) = delete;

 private:
  sigset_t before_{};
};

}  // namespace

OutputLock::OutputLock(const std::filesystem::path& output, LockOptions options)
    : place_(output),
      options_(options),
      owner_(lock_text()),
      perishable_(place_.lock_path().native(), owner_) {
  acquire();
  try {
    // In this order: see OutputLock.
    place_.remove_temporaries();
    place_.remove_drafts();
    found_ = state_of(place_, place_.name());
    start_heartbeat();
  } catch (...) {
    ::unlinkat(place_.folder(), place_.lock_name().c_str(), 0);
    throw;
  }
}

OutputLock::~OutputLock() {
  {
    const std::scoped_lock guard(mutex_);
    stopping_ = true;
  }
  wake_.notify_all();
  heartbeat_.join();
  try {
    const auto lock = look_at_lock(place_);
    // If another takes it over right now, that one makes its own anew.
    if (lock && lock->text == owner_) ::unlinkat(place_.folder(), place_.lock_name().c_str(), 0);
  } catch (const Error&) {  // NOLINT(bugprone-empty-catch): what lies there is not ours
  }
}

void OutputLock::acquire() {
  constexpr int most_attempts = 10;
  constexpr std::chrono::milliseconds between_looks{50};
  constexpr std::chrono::seconds unnoticed{1};
  const auto start = std::chrono::steady_clock::now();
  const auto deadline = start + options_.wait;
  bool told = false;
  const auto tell = [&](const std::string& what) {
    if (!std::exchange(told, true)) say(fmt::format("'{}': {}", place_.given().native(), what));
  };
  for (int attempts = 0; attempts < most_attempts;) {
    if (make_lock(place_, owner_)) return;
    const auto lock = look_at_lock(place_);
    if (!lock) {
      ++attempts;
      continue;
    }
    if (const auto cause = cause_of_death(place_, *lock, options_.stop, tell)) {
      remove_left_lock(place_, *lock, *cause);
      ++attempts;
      continue;
    }
    const bool stopped = options_.stop != nullptr && options_.stop->load();
    if (stopped || std::chrono::steady_clock::now() >= deadline) is_held(place_, *lock);
    if (std::chrono::steady_clock::now() - start >= unnoticed) {
      tell(fmt::format("waiting for {}, which writes it (lock file '{}')", describe_holder(*lock),
                       place_.lock_path().native()));
    }
    std::this_thread::sleep_for(between_looks);
  }
  throw Error(ExitCode::cannot_create,
              fmt::format("'{}': other processes keep taking its lock", place_.given().native()));
}

void OutputLock::check() {
  constexpr int attempts = 3;
  for (int i = 0; i < attempts; ++i) {
    const auto lock = look_at_lock(place_);
    if (lock && lock->text == owner_) return;
    if (lock) {
      throw Error(ExitCode::cannot_create,
                  fmt::format("'{}': its lock was taken over by another process ({}); nothing more "
                              "is written to it from here",
                              place_.given().native(), describe_holder(*lock)));
    }
    // It was removed. What others did meanwhile shows in the output.
    if (make_lock(place_, owner_)) {
      was_lost_ = true;
      return;
    }
  }
  throw Error(ExitCode::cannot_create,
              fmt::format("'{}': its lock '{}' is removed again and again; nothing more is written "
                          "to it from here",
                          place_.given().native(), place_.lock_path().native()));
}

bool OutputLock::is_ours(const FileState& there) const {
  return published_ ? holds(place_, *published_) : there == found_;
}

void OutputLock::publish(Parts parts) {
  const Unbroken publication;
  constexpr int attempts = 3;
  for (int i = 0; i < attempts; ++i) {
    NewFile file(place_, parts);
    check();
    const auto there = state_of(place_, place_.name());
    if (there && !is_ours(*there)) {
      // Who had the lock meanwhile went on from what this process had published.
      const auto beside = was_lost_ ? std::nullopt : file.keep_beside();
      const std::string output = place_.given().native();
      throw Error(
          ExitCode::cannot_create,
          beside ? fmt::format("'{}' was replaced or changed by another program since this process "
                               "{} it, and stays as it is; what was to be written there is in "
                               "'{}'",
                               output, published_ ? "wrote" : "found", beside->native())
                 : fmt::format("'{}' was written or replaced while this process had lost its "
                               "lock; it stays as it is, and nothing more is written to it from "
                               "here",
                               output));
    }
    const auto naming = file.take_place(there ? NewFile::Over::anything : NewFile::Over::nothing);
    // If a file has appeared, that is seen above, and so is who has taken over.
    if (naming == NewFile::Naming::removed) was_lost_ = true;
    if (naming != NewFile::Naming::done) continue;
    published_ = file.content();
    if (const int error = sync_folder(place_.folder()); error != 0) {
      throw Error(ExitCode::io,
                  fmt::format("cannot write '{}': {} (syncing its folder)", place_.given().native(),
                              std::generic_category().message(error)));
    }
    return;
  }
  throw Error(ExitCode::io, fmt::format("cannot write '{}': its temporary files are removed by "
                                        "another program",
                                        place_.given().native()));
}

void OutputLock::start_heartbeat() {
  const SignalsBlocked blocked;
  try {
    heartbeat_ = std::thread([this] { beat(); });
  } catch (const std::system_error& error) {
    throw Error(
        ExitCode::resources,
        fmt::format("cannot write '{}': the thread that keeps its lock cannot be started: {} "
                    "(`ulimit -u`, or the limit on processes of a container)",
                    place_.given().native(), error.code().message()));
  }
}

void OutputLock::beat() {
  std::unique_lock guard(mutex_);
  while (!wake_.wait_for(guard, heartbeat, [this] { return stopping_; })) {
    try {
      const auto lock = look_at_lock(place_);
      if (!lock) {
        if (make_lock(place_, owner_)) was_lost_ = true;
      } else if (lock->text == owner_) {
        ::utimensat(place_.folder(), place_.lock_name().c_str(), nullptr, AT_SYMLINK_NOFOLLOW);
      }
    } catch (const Error&) {  // NOLINT(bugprone-empty-catch): said by the next publication
    }
  }
}

bool is_being_written(const std::filesystem::path& output) {
  std::optional<Place> place;
  try {
    place.emplace(output);
  } catch (const Error&) {  // its folder is not there, or not ours to look into
    return false;
  }
  const auto lock = look_at_lock(*place);
  if (!lock || has_ended(*lock)) return false;
  return seconds_since_touched(*place, *lock) <
         std::chrono::duration<double>(OutputLock::patience).count();
}

void publish_file(const std::filesystem::path& path, Parts parts) {
  OutputLock(path).publish(parts);
}

void publish_file(const std::filesystem::path& path, std::span<const std::byte> bytes) {
  publish_file(path, {&bytes, 1});
}

}  // namespace icl::store
