#include "icl/core/message.hpp"

#include <gtest/gtest.h>

#include <string>
#include <string_view>

#include "icl/core/error.hpp"

namespace icl {
namespace {

using namespace std::string_literals;

TEST(Printable, LeavesTextAsItIs) {
  EXPECT_EQ(printable(""), "");
  EXPECT_EQ(printable("run 'a b.h5' ~ \\x1b"), "run 'a b.h5' ~ \\x1b");
  EXPECT_EQ(printable("\u00e9 \u03b2 \u20ac \u6c34 \U0001f600"),
            "\u00e9 \u03b2 \u20ac \u6c34 \U0001f600");
}

TEST(Printable, WritesEveryControlCharacterAsHex) {
  for (int byte = 0; byte < 0x20; ++byte) {
    std::string expected = "a\\x00b";
    expected[3] = "0123456789abcdef"[byte / 16];
    expected[4] = "0123456789abcdef"[byte % 16];
    EXPECT_EQ(printable("a"s + static_cast<char>(byte) + "b"), expected);
  }
  EXPECT_EQ(printable("\x7f"), "\\x7f");
  EXPECT_EQ(printable("\u0080\u009b31m\u009f"), "\\xc2\\x80\\xc2\\x9b31m\\xc2\\x9f");
  EXPECT_EQ(printable("\u00a0"), "\u00a0");
}

TEST(Printable, WritesWhatIsNoUtf8AsHex) {
  EXPECT_EQ(printable("\x9b"), "\\x9b");
  EXPECT_EQ(printable("\xff!"), "\\xff!");
  EXPECT_EQ(printable("\xc3"), "\\xc3");                             // cut short
  EXPECT_EQ(printable("\xc3(\xa9"), "\\xc3(\\xa9");                  // no continuation
  EXPECT_EQ(printable("\xe2\x82"), "\\xe2\\x82");                    // cut short
  EXPECT_EQ(printable("\xc0\x9b"), "\\xc0\\x9b");                    // too long for its character
  EXPECT_EQ(printable("\xe0\x80\x9b"), "\\xe0\\x80\\x9b");           // the same
  EXPECT_EQ(printable("\xf0\x80\x80\x9b"), "\\xf0\\x80\\x80\\x9b");  // the same
  EXPECT_EQ(printable("\xed\xa0\x80"), "\\xed\\xa0\\x80");           // half of a pair of UTF-16
  EXPECT_EQ(printable("\xf4\x90\x80\x80"), "\\xf4\\x90\\x80\\x80");  // beyond U+10FFFF
  EXPECT_EQ(printable("\xf4\x8f\xbf\xbf"), "\xf4\x8f\xbf\xbf");
}

TEST(Utf8, IsWhatPrintableLeaves) {
  for (const char* text : {"", "plain", "\u00e9\u20ac\U0001f600", "\xf4\x8f\xbf\xbf"}) {
    EXPECT_TRUE(is_utf8(text)) << text;
  }
  for (const char* text :
       {"\x80", "a\xff", "\xc3", "\xc0\x9b", "\xed\xa0\x80", "\xf4\x90\x80\x80"}) {
    EXPECT_FALSE(is_utf8(text)) << printable(text);
  }
}

TEST(Printable, IsTheSameAgain) {
  const std::string once = printable("\x1b[31m\xff\n\u0085");
  EXPECT_EQ(printable(once), once);
}

TEST(Message, WhatIsTooLongToReadLosesItsMiddle) {
  const std::string short_enough(8192, 'x');
  EXPECT_EQ(without_middle(short_enough), short_enough);
  const std::string cut = without_middle("begin" + std::string(100000, 'x') + "end");
  EXPECT_LT(cut.size(), 8192U);
  EXPECT_TRUE(cut.starts_with("beginx"));
  EXPECT_TRUE(cut.ends_with("xend"));
  EXPECT_NE(cut.find("x ... (92508 bytes left out) ... x"), std::string::npos);
  for (const char* shift : {"", "a", "aa"}) {
    std::string text = shift;
    for (int i = 0; i < 5000; ++i) text += "\u20ac";
    EXPECT_EQ(printable(without_middle(text)), without_middle(text));
  }
}

TEST(Error, SaysWhatStandsBehindAByteOfZero) {
  EXPECT_STREQ(Error(ExitCode::usage, "found \"a\0b\0\0c\" there"s).what(),
               "found \"a\\x00b\\x00\\x00c\" there");
  EXPECT_STREQ(Error(ExitCode::usage, "plain").what(), "plain");
}

}  // namespace
}  // namespace icl
