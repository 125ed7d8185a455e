// learn/postmortem/pdf.h: a report of Markdown as a PDF that any reader shows, Chinese included.
//
// Purpose     Headings, paragraphs, lists, tables (a line a row) and rules on A4 pages with numbers. The font is embedded,
//             the glyphs used only, so nothing needs to be installed where it is read.
// Font        A TrueType file with Chinese: the one given, or the first of those Debian's packages bring
//             (fonts-wqy-microhei, fonts-wqy-zenhei, fonts-droid-fallback, fonts-arphic-uming).
// Limits      kMarkdownSizeMax bytes.
// Errors      kUnavailable when there is no font, naming the packages; kTooLarge.
// Threads     Any one; it reads the font's file itself, so call it on the pool.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace holdfast::learn {

inline constexpr std::size_t kMarkdownSizeMax = 2 * 1024 * 1024;

const std::vector<std::string>& pdf_fonts();  // paths that are tried
Result<std::string> markdown_pdf(std::string_view markdown, const std::string& title, const std::string& font = {});

}  // namespace holdfast::learn
