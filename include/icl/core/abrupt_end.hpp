#pragma once

#include <string>
#include <string_view>

/// For a process that a signal ends wherever it stands, as a killed one would end, but without
/// leaving anything behind.
namespace icl {

/// A file, or an empty folder, that goes with the process if it ends abruptly while this lives; a
/// file only if it still says `content` (up to 1 KiB; empty: whatever it says). At most eight at a
/// time, with paths of up to 4 KiB: others stay.
class Perishable {
 public:
  explicit Perishable(std::string_view path, std::string_view content = {});
  ~Perishable();
  Perishable(const Perishable&) = delete;
  Perishable& operator=(const Perishable&) = delete;

 private:
  int slot_{-1};
};

/// While one lives, this process does not end abruptly: it is in the middle of a publication.
class Unbroken {
 public:
  Unbroken() noexcept;
  ~Unbroken();
  Unbroken(const Unbroken&) = delete;
  Unbroken& operator=(const Unbroken&) = delete;

  [[nodiscard]] static bool any() noexcept;
};

/// A signal came to end a process that is unbroken: what takes long and can be left undone (to
/// write a large file anew) is given up. Nothing else looks at it. forget_end(): another manner of
/// ending holds from here on. All from within a signal handler too.
void want_end() noexcept;
void forget_end() noexcept;
[[nodiscard]] bool end_is_wanted() noexcept;

/// Removes what is perishable. From within a signal handler too.
void remove_perishables() noexcept;

}  // namespace icl
