#include "icl/core/abrupt_end.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <cstring>

namespace icl {
namespace {

/// A signal handler can reach nothing but globals, and no memory that somebody may give back.
struct Slot {
  enum State : int { free, reserved, in_use };

  std::atomic<int> state{free};
  std::array<char, 4096> path{};
  std::array<char, 1024> content{};
  std::size_t content_size = 0;
};

std::array<Slot, 8> slots;
std::atomic<int> unbroken{0};
std::atomic<bool> end_wanted{false};
static_assert(std::atomic<int>::is_always_lock_free);

bool holds(const Slot& slot) {
  const int descriptor = open(slot.path.data(), O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOFOLLOW);
  if (descriptor < 0) return false;
  std::array<char, 1024> found{};
  const ssize_t size = read(descriptor, found.data(), found.size());
  close(descriptor);
  return size == static_cast<ssize_t>(slot.content_size) &&
         std::memcmp(found.data(), slot.content.data(), slot.content_size) == 0;
}

}  // namespace

Perishable::Perishable(std::string_view path, std::string_view content) {
  if (path.size() >= slots.front().path.size() || content.size() > slots.front().content.size()) {
    return;
  }
  for (std::size_t i = 0; i < slots.size(); ++i) {
    Slot& slot = slots.at(i);
    int free = Slot::free;
    if (!slot.state.compare_exchange_strong(free, Slot::reserved)) continue;
    slot.path.fill('\0');
    path.copy(slot.path.data(), path.size());
    content.copy(slot.content.data(), content.size());
    slot.content_size = content.size();
    slot.state = Slot::in_use;
    slot_ = static_cast<int>(i);
    return;
  }
}

Perishable::~Perishable() {
  if (slot_ >= 0) slots.at(static_cast<std::size_t>(slot_)).state = Slot::free;
}

Unbroken::Unbroken() noexcept { ++unbroken; }
Unbroken::~Unbroken() { --unbroken; }
bool Unbroken::any() noexcept { return unbroken > 0; }

void want_end() noexcept { end_wanted = true; }
void forget_end() noexcept { end_wanted = false; }
bool end_is_wanted() noexcept { return end_wanted; }

void remove_perishables() noexcept {
  for (const Slot& slot : slots) {
    if (slot.state == Slot::in_use && (slot.content_size == 0 || holds(slot))) {
      unlink(slot.path.data());
    }
  }
  for (const Slot& slot : slots) {  // folders, now that they are empty
    if (slot.state == Slot::in_use && slot.content_size == 0) rmdir(slot.path.data());
  }
}

}  // namespace icl
