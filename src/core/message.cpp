#include "icl/core/message.hpp"

#include <fcntl.h>
#include <poll.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cerrno>
#include <chrono>
#include <climits>
#include <csignal>
#include <cstdint>
#include <optional>
#include <system_error>

#include "icl/core/clock.hpp"
#include "icl/core/error.hpp"

namespace icl {
namespace {

using std::chrono::milliseconds;

constexpr std::array output_signals{SIGPIPE, SIGXFSZ, SIGTTOU};

/// Where standard error is written, and how much at once without waiting for a reader.
struct Channel {
  int descriptor = STDERR_FILENO;
  std::size_t at_once = SSIZE_MAX;
};
// Like standard error itself, of which there is one in a process.
Channel channel;
std::atomic<bool> drawn{false};    ///< a drawn line waits for its end
std::atomic<bool> unheard{false};  ///< the last message found no reader in time

/// A pipe or a terminal is opened a second time, not to wait there: that switched on in descriptor
/// 2 would hold for all programs that share it. Where it cannot be, little is written at a time.
Channel open_channel() {
  struct stat file = {};
  const bool pipe = fstat(STDERR_FILENO, &file) == 0 && S_ISFIFO(file.st_mode);
  const bool terminal = isatty(STDERR_FILENO) == 1;
  if (!pipe && !terminal) return {};
  const int own = open("/proc/self/fd/2", O_WRONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
  if (own >= 0) return {own, SSIZE_MAX};
  constexpr std::size_t little = 256;  // a terminal that is writable takes as much
  return {STDERR_FILENO, terminal ? little : PIPE_BUF};
}

/// Whether the descriptor takes something (or an error waits there) within that time; none: however
/// long it takes.
bool is_ready(int descriptor, std::optional<Clock::time_point> end) {
  for (;;) {
    const auto left = end ? *end - Clock::now() : Clock::duration::zero();
    const auto wait = std::chrono::ceil<milliseconds>(std::max(left, Clock::duration::zero()));
    pollfd poll_for{descriptor, POLLOUT, 0};
    const int ready = poll(&poll_for, 1, end ? static_cast<int>(wait.count()) : -1);
    if (ready > 0) return true;
    if (ready < 0 && errno != EINTR) return true;  // then the write says what is wrong
    if (ready == 0 && end) return false;
  }
}

/// Whether all was written in that time.
bool deliver(std::string_view text, milliseconds patience) noexcept {
  const auto end = Clock::now() + patience;
  while (!text.empty()) {
    if (!is_ready(channel.descriptor, end)) return false;
    const std::size_t most = std::min(text.size(), channel.at_once);
    const ssize_t written = write(channel.descriptor, text.data(), most);
    if (written > 0) {
      text.remove_prefix(static_cast<std::size_t>(written));
    } else if (written == 0 || (errno != EINTR && errno != EAGAIN)) {
      return true;  // there is nobody to wait for
    }
  }
  return true;
}

void deliver_patiently(std::string_view text) noexcept {
  constexpr milliseconds patience{1000};
  unheard = !deliver(text, unheard ? milliseconds{0} : patience);
}

/// The bytes of the character that the text begins with; 0 if it does not begin with one.
std::size_t utf8_length(std::string_view text) {
  const auto byte = [&](std::size_t i) -> std::uint32_t {
    return i < text.size() ? static_cast<unsigned char>(text[i]) : 0;
  };
  const std::uint32_t lead = byte(0);
  if (lead < 0x80) return 1;
  const std::size_t length = lead >= 0xf0 ? 4 : lead >= 0xe0 ? 3 : 2;
  constexpr std::array<std::uint32_t, 5> smallest{0, 0, 0x80, 0x800, 0x10000};
  std::uint32_t code = lead & (0x7fU >> length);
  for (std::size_t i = 1; i < length; ++i) {
    if ((byte(i) & 0xc0U) != 0x80) return 0;
    code = (code << 6U) | (byte(i) & 0x3fU);
  }
  const bool surrogate = code >= 0xd800 && code <= 0xdfff;
  const bool valid =
      lead >= 0xc2 && lead < 0xf8 && code >= smallest.at(length) && code <= 0x10ffff && !surrogate;
  return valid ? length : 0;
}

bool is_control(std::string_view character) {
  const auto first = static_cast<unsigned char>(character.front());
  if (character.size() == 1) return first < 0x20 || first == 0x7f;
  return first == 0xc2 && static_cast<unsigned char>(character[1]) < 0xa0;
}

}  // namespace

bool is_utf8(std::string_view text) {
  while (!text.empty()) {
    const std::size_t length = utf8_length(text);
    if (length == 0) return false;
    text.remove_prefix(length);
  }
  return true;
}

std::string printable(std::string_view text) {
  constexpr std::string_view digits = "0123456789abcdef";
  std::string result;
  result.reserve(text.size());
  while (!text.empty()) {
    const std::size_t length = utf8_length(text);
    const std::string_view character = text.substr(0, std::max<std::size_t>(length, 1));
    if (length > 0 && !is_control(character)) {
      result += character;
    } else {
      for (const char c : character) {
        const auto byte = static_cast<unsigned char>(c);
        result += "\\x";
        result += digits[byte >> 4U];
        result += digits[byte & 0xfU];
      }
    }
    text.remove_prefix(character.size());
  }
  return result;
}

std::string without_middle(std::string text) {
  constexpr std::size_t most = 8192;
  constexpr std::size_t begin = 5000;
  constexpr std::size_t end = 2500;
  if (text.size() <= most) return text;
  // Not within a character of UTF-8, whose bytes after the first are 10xxxxxx.
  const auto character_at = [&](std::size_t i) {
    while (i > 0 && (static_cast<unsigned char>(text[i]) & 0xc0U) == 0x80) --i;
    return i;
  };
  const std::size_t from = character_at(begin);
  const std::size_t to = character_at(text.size() - end);
  const std::string count = std::to_string(to - from);
  return text.replace(from, to - from, " ... (" + count + " bytes left out) ... ");
}

void prepare_streams() noexcept {
  for (const int descriptor : {STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO}) {
    if (fcntl(descriptor, F_GETFD) >= 0 || errno != EBADF) continue;
    const int mode = descriptor == STDIN_FILENO ? O_WRONLY : O_RDONLY;  // the wrong one, on purpose
    if (open("/dev/null", mode) < 0) (void)open("/", O_RDONLY);
  }
  struct sigaction action = {};
  action.sa_handler = SIG_IGN;
  for (const int signal : output_signals) sigaction(signal, &action, nullptr);
  channel = open_channel();
}

void say(std::string_view text) noexcept {
  try {
    std::string line = drawn.exchange(false) ? "\n" : "";
    line.append("icl: ").append(without_middle(printable(text))).append("\n");
    deliver_patiently(line);
  } catch (...) {
    deliver_patiently("icl: there is no memory for a message\n");
  }
}

void note(std::string_view text) noexcept {
  try {
    deliver(without_middle(printable(text)) + "\n", milliseconds{0});
  } catch (...) {  // NOLINT(bugprone-empty-catch): nothing is lost
  }
}

void draw(std::string_view line) noexcept {
  const pid_t owner = tcgetpgrp(STDERR_FILENO);
  if (owner >= 0 && owner != getpgrp()) return;
  if (deliver(line, milliseconds{0})) drawn = true;
}

void end_drawn_line() noexcept {
  if (drawn.exchange(false)) deliver("\n", milliseconds{0});
}

void say_in_handler(std::string_view text) noexcept {
  const int before = errno;
  if (drawn.exchange(false)) deliver("\n", milliseconds{0});
  deliver(text, milliseconds{0});
  errno = before;
}

void print(std::string_view text) {
  while (!text.empty()) {
    const ssize_t written = write(STDOUT_FILENO, text.data(), text.size());
    if (written >= 0) {
      text.remove_prefix(static_cast<std::size_t>(written));
    } else if (errno == EPIPE) {
      return;
    } else if (errno == EAGAIN) {  // somebody has set it not to wait
      (void)is_ready(STDOUT_FILENO, std::nullopt);
    } else if (errno != EINTR) {
      throw Error(ExitCode::io,
                  "cannot write to standard output: " + std::generic_category().message(errno));
    }
  }
}

}  // namespace icl
