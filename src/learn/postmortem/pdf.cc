// libharu draws; this file breaks lines. Text flows by what fits: after the last blank for words in letters, anywhere for
// Chinese, which has no blanks.
#include "learn/postmortem/pdf.h"

#include <hpdf.h>

#include <algorithm>
#include <memory>

#include "base/text.h"

namespace holdfast::learn {
namespace {

constexpr float kMargin = 56;
constexpr float kWidth = 595 - 2 * kMargin;  // A4 in points
constexpr float kTop = 842 - kMargin;
constexpr float kLeading = 1.45F;

// libharu calls it on every error; the state of the document remembers, which is asked at the end.
void on_error(HPDF_STATUS, HPDF_STATUS, void*) {}

struct FreeDoc {
  void operator()(HPDF_Doc doc) const { HPDF_Free(doc); }
};
using Doc = std::unique_ptr<std::remove_pointer_t<HPDF_Doc>, FreeDoc>;

bool is_ascii(char c) { return static_cast<unsigned char>(c) < 0x80; }
bool starts_character(char c) { return (static_cast<unsigned char>(c) & 0xC0) != 0x80; }

class Layout {
 public:
  Layout(HPDF_Doc doc, HPDF_Font font) : doc_(doc), font_(font) { new_page(); }

  void paragraph(std::string_view text, float size, float indent) {
    while (true) {
      const auto fit = fitting(text, size, kWidth - indent);
      line(text.substr(0, fit), size, indent);
      text.remove_prefix(fit);
      while (text.starts_with(' ')) text.remove_prefix(1);
      if (text.empty()) return;
    }
  }
  void space(float points) { y_ -= points; }
  void rule() {
    make_room(10);
    HPDF_Page_SetLineWidth(page_, 0.5F);
    HPDF_Page_MoveTo(page_, kMargin, y_);
    HPDF_Page_LineTo(page_, kMargin + kWidth, y_);
    HPDF_Page_Stroke(page_);
    y_ -= 10;
  }

 private:
  // How many bytes of it fit in a line; at least one character, so that the text ends.
  std::size_t fitting(std::string_view text, float size, float width) const {
    const auto all = static_cast<HPDF_UINT>(std::min<std::size_t>(text.size(), 2000));
    auto fit = static_cast<std::size_t>(
        HPDF_Font_MeasureText(font_, reinterpret_cast<const HPDF_BYTE*>(text.data()), all, width,
                              size, 0, 0, HPDF_FALSE, nullptr));
    if (fit >= text.size()) return text.size();
    while (fit > 0 && !starts_character(text[fit])) --fit;
    if (fit > 0 && is_ascii(text[fit]) && text[fit] != ' ' && is_ascii(text[fit - 1])) {
      // In the middle of a word of letters: back to the blank before it, when there is one.
      const auto blank = text.substr(0, fit).rfind(' ');
      if (blank != std::string_view::npos && blank > 0) return blank;
    }
    if (fit > 0) return fit;
    fit = 1;
    while (fit < text.size() && !starts_character(text[fit])) ++fit;
    return fit;
  }

  void line(std::string_view text, float size, float indent) {
    make_room(size * kLeading);
    y_ -= size * kLeading;
    draw(kMargin + indent, y_, size, std::string(text));
  }

  void draw(float x, float y, float size, const std::string& text) {
    HPDF_Page_BeginText(page_);
    HPDF_Page_SetFontAndSize(page_, font_, size);
    HPDF_Page_TextOut(page_, x, y, text.c_str());
    HPDF_Page_EndText(page_);
  }

  void make_room(float height) {
    if (y_ - height < kMargin) new_page();
  }

  void new_page() {
    page_ = HPDF_AddPage(doc_);
    HPDF_Page_SetSize(page_, HPDF_PAGE_SIZE_A4, HPDF_PAGE_PORTRAIT);
    y_ = kTop;
    draw(kMargin + kWidth - 20, kMargin - 24, 8, std::to_string(++pages_));
  }

  HPDF_Doc doc_;
  HPDF_Font font_;
  HPDF_Page page_ = nullptr;
  float y_ = 0;
  int pages_ = 0;
};

// "| a | b |" as "a   b"; the line of dashes below a head is left out.
std::optional<std::string> table_row(std::string_view line) {
  if (line.find_first_not_of("|-: ") == std::string_view::npos) return std::nullopt;
  std::string row;
  line.remove_prefix(1);
  if (line.ends_with('|')) line.remove_suffix(1);
  for (std::size_t i = 0; i < line.size(); ++i) {
    if (line[i] == '\\' && i + 1 < line.size()) {
      row += line[++i];
    } else if (line[i] == '|') {
      row += "  ·  ";
    } else {
      row += line[i];
    }
  }
  return std::string(trim(row));
}

std::string without_marks(std::string_view text) {
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text.substr(i, 2) == "**") {
      ++i;
      continue;
    }
    if (text[i] != '`') out += text[i];
  }
  return out;
}

void lay_out(Layout& layout, std::string_view markdown) {
  for (const auto& raw : split(markdown, '\n')) {
    const auto line = trim(raw);
    if (line.empty()) {
      layout.space(6);
    } else if (line == "---") {
      layout.rule();
    } else if (line.starts_with("# ")) {
      layout.paragraph(without_marks(line.substr(2)), 18, 0);
      layout.space(6);
    } else if (line.starts_with("## ")) {
      layout.space(8);
      layout.paragraph(without_marks(line.substr(3)), 14, 0);
    } else if (line.starts_with("### ")) {
      layout.space(4);
      layout.paragraph(without_marks(line.substr(4)), 12, 0);
    } else if (line.starts_with("- ")) {
      layout.paragraph("•  " + without_marks(line.substr(2)), 10, 10);
    } else if (line.starts_with("|")) {
      if (auto row = table_row(line)) layout.paragraph(without_marks(*row), 10, 10);
    } else {
      layout.paragraph(without_marks(line), 10, 0);
    }
  }
}

const char* load_font(HPDF_Doc doc, const std::string& path) {
  const auto* name = path.ends_with(".ttc")
                         ? HPDF_LoadTTFontFromFile2(doc, path.c_str(), 0, HPDF_TRUE)
                         : HPDF_LoadTTFontFromFile(doc, path.c_str(), HPDF_TRUE);
  if (name == nullptr) HPDF_ResetError(doc);
  return name;
}

}  // namespace

const std::vector<std::string>& pdf_fonts() {
  static const std::vector<std::string> paths = {
      "/usr/share/fonts/truetype/wqy/wqy-microhei.ttc",
      "/usr/share/fonts/truetype/wqy/wqy-zenhei.ttc",
      "/usr/share/fonts/truetype/droid/DroidSansFallbackFull.ttf",
      "/usr/share/fonts/truetype/arphic/uming.ttc",
  };
  return paths;
}

Result<std::string> markdown_pdf(std::string_view markdown, const std::string& title,
                                 const std::string& font) {
  if (markdown.size() > kMarkdownSizeMax)
    return Error(Code::kTooLarge, "a report has at most 2 MiB");
  const Doc doc(HPDF_New(on_error, nullptr));
  if (!doc) return internal("no memory for a PDF");
  HPDF_UseUTFEncodings(doc.get());
  HPDF_SetCompressionMode(doc.get(), HPDF_COMP_ALL);
  const char* name = nullptr;
  for (const auto& path : font.empty() ? pdf_fonts() : std::vector<std::string>{font}) {
    if (name == nullptr) name = load_font(doc.get(), path);
  }
  if (name == nullptr) {
    return unavailable(font.empty() ? "no font that has Chinese is installed; install "
                                      "fonts-wqy-microhei or fonts-droid-fallback"
                                    : "the font " + printable(font) + " cannot be read");
  }
  auto* face = HPDF_GetFont(doc.get(), name, "UTF-8");
  if (face == nullptr) return internal("the font " + std::string(name) + " has no UTF-8");
  // Plain ASCII there: viewers read it in an encoding of their own.
  if (std::all_of(title.begin(), title.end(), is_ascii))
    HPDF_SetInfoAttr(doc.get(), HPDF_INFO_TITLE, title.c_str());
  {
    Layout layout(doc.get(), face);
    lay_out(layout, markdown);
  }
  if (HPDF_SaveToStream(doc.get()) != HPDF_OK)
    return internal("the PDF could not be written, error " +
                    std::to_string(HPDF_GetError(doc.get())));
  std::string bytes(HPDF_GetStreamSize(doc.get()), '\0');
  auto size = static_cast<HPDF_UINT32>(bytes.size());
  HPDF_ReadFromStream(doc.get(), reinterpret_cast<HPDF_BYTE*>(bytes.data()), &size);
  bytes.resize(size);
  return bytes;
}

}  // namespace holdfast::learn
