#include "respond/intake/mail.h"

#include <gmime/gmime.h>

#include <algorithm>
#include <memory>
#include <mutex>
#include <nlohmann/json.hpp>

#include "base/text.h"
#include "respond/send/limits.h"

namespace holdfast::respond::intake {
namespace {

using nlohmann::json;

constexpr std::size_t kTextSizeMax = 256 * 1024;
constexpr int kPartCountMax = 64;
constexpr int kDepthMax = 16;
constexpr std::size_t kAnnotationSizeMax = 4000;

const std::vector<std::string> kResolvedWords = {"resolved", "recovered", "recovery", "ok", "up", "closed"};
const std::vector<std::string> kAcknowledgedWords = {"acknowledged", "ack"};
// Words of state that do not tell one thread from another.
const std::vector<std::string> kStateWords = {"firing", "problem", "critical", "warning", "error", "down", "alert", "alarm",
                                              "unknown", "info", "high", "low", "urgent", "emergency"};

struct Unref {
  void operator()(void* object) const { g_object_unref(object); }
};
template <typename T>
using Ref = std::unique_ptr<T, Unref>;

std::string owned(char* text) {
  std::string copy = text == nullptr ? "" : text;
  g_free(text);
  return copy;
}
std::string copied(const char* text) {
  return text == nullptr ? "" : text;
}

// Good UTF-8, and no longer than it may be.
std::string tidy(std::string text, std::size_t size_max) {
  if (!is_valid_utf8(text)) {
    gchar* valid = g_utf8_make_valid(text.data(), static_cast<gssize>(text.size()));
    text = owned(valid);
  }
  return send::cut_bytes(text, size_max);
}

// Tags go, a few entities become what they stand for, space is made single.
std::string text_of_html(std::string_view html) {
  std::string text;
  bool in_tag = false;
  for (const char c : html) {
    if (c == '<') in_tag = true;
    if (!in_tag) text += c;
    if (c == '>') {
      in_tag = false;
      text += ' ';
    }
  }
  static constexpr std::pair<std::string_view, std::string_view> kEntities[] = {
      {"&nbsp;", " "}, {"&lt;", "<"}, {"&gt;", ">"}, {"&quot;", "\""}, {"&#39;", "'"}, {"&amp;", "&"}};
  for (const auto& [name, stands_for] : kEntities) {
    for (auto at = text.find(name); at != std::string::npos; at = text.find(name, at + stands_for.size()))
      text.replace(at, name.size(), stands_for);
  }
  std::string single;
  for (const char c : text) {
    const bool space = c == ' ' || c == '\t' || c == '\r' || c == '\n';
    if (!space)
      single += c;
    else if (!single.empty() && single.back() != ' ')
      single += ' ';
  }
  return std::string(trim(single));
}

// The first plain text, and the first HTML for where there is none.
struct Texts {
  std::string plain, html;
  int parts = 0;

  void look(GMimeObject* object, int depth) {
    if (object == nullptr || depth > kDepthMax || ++parts > kPartCountMax) return;
    if (GMIME_IS_MULTIPART(object)) {
      auto* multipart = GMIME_MULTIPART(object);
      const int count = g_mime_multipart_get_count(multipart);
      for (int i = 0; i < count && parts <= kPartCountMax; ++i)
        look(g_mime_multipart_get_part(multipart, i), depth + 1);
    } else if (GMIME_IS_TEXT_PART(object)) {
      auto* type = g_mime_object_get_content_type(object);
      const bool is_html = g_mime_content_type_is_type(type, "text", "html") != FALSE;
      auto& into = is_html ? html : plain;
      if (into.empty()) into = owned(g_mime_text_part_get_text(GMIME_TEXT_PART(object)));
    }
  }
};

std::vector<std::string> words_of(std::string_view text) {
  std::vector<std::string> words(1);
  for (const char c : lower(text)) {
    const auto byte = static_cast<unsigned char>(c);
    if (std::isalnum(byte) != 0 || byte >= 0x80 || c == '_')
      words.back() += c;
    else if (!words.back().empty())
      words.emplace_back();
  }
  if (words.back().empty()) words.pop_back();
  return words;
}

bool any_of_words(const std::vector<std::string>& words, const std::vector<std::string>& wanted) {
  return std::any_of(words.begin(), words.end(), [&](const std::string& word) {
    return std::any_of(wanted.begin(), wanted.end(),
                       [&](const std::string& one) { return equals_ignoring_case(word, one); });
  });
}

// Only tags at the front tell the state: "disk is ok to fill" is no recovery.
std::vector<std::string> state_words(std::string_view subject) {
  std::vector<std::string> words;
  subject = trim(subject);
  while (subject.starts_with('[')) {
    const auto end = subject.find(']');
    if (end == std::string_view::npos) break;
    for (auto& word : words_of(subject.substr(1, end - 1))) words.push_back(std::move(word));
    subject = trim(subject.substr(end + 1));
  }
  const auto colon = subject.find(':');
  if (colon != std::string_view::npos && colon < 24)
    for (auto& word : words_of(subject.substr(0, colon))) words.push_back(std::move(word));
  return words;
}

std::string status_of(const InboundMail& mail, const Mapping& mapping) {
  const bool own = !mapping.resolved.empty() || !mapping.acknowledged.empty();
  const auto words = own ? words_of(mail.subject) : state_words(mail.subject);
  if (any_of_words(words, own ? mapping.resolved : kResolvedWords)) return "resolved";
  if (any_of_words(words, own ? mapping.acknowledged : kAcknowledgedWords)) return "acknowledged";
  return "firing";
}

void start_gmime() {
  static std::once_flag once;
  std::call_once(once, [] { g_mime_init(); });
}

}  // namespace

Result<InboundMail> read_mail(std::string_view raw) {
  start_gmime();
  const Ref<GMimeStream> stream(g_mime_stream_mem_new_with_buffer(raw.data(), raw.size()));
  const Ref<GMimeParser> parser(g_mime_parser_new_with_stream(stream.get()));
  const Ref<GMimeMessage> message(g_mime_parser_construct_message(parser.get(), nullptr));
  if (message == nullptr) return invalid("no mail: it has no header");
  InboundMail mail;
  auto* headers = g_mime_object_get_header_list(GMIME_OBJECT(message.get()));
  const int count = g_mime_header_list_get_count(headers);
  for (int i = 0; i < count; ++i) {
    auto* header = g_mime_header_list_get_header_at(headers, i);
    auto name = lower(copied(g_mime_header_get_name(header)));
    mail.headers.emplace(std::move(name), tidy(copied(g_mime_header_get_value(header)), 1000));
  }
  mail.subject = tidy(copied(g_mime_message_get_subject(message.get())), 1000);
  mail.message_id = tidy(copied(g_mime_message_get_message_id(message.get())), 1000);
  if (auto* from = g_mime_message_get_from(message.get()))
    mail.from = tidy(owned(internet_address_list_to_string(from, nullptr, FALSE)), 1000);
  if (auto* to = g_mime_message_get_to(message.get()))
    mail.to = tidy(owned(internet_address_list_to_string(to, nullptr, FALSE)), 1000);
  mail.date = mail.headers["date"];
  if (mail.headers.size() == 1 && mail.date.empty()) return invalid("no mail: it has no header");
  Texts texts;
  texts.look(g_mime_message_get_mime_part(message.get()), 0);
  mail.text = tidy(texts.plain.empty() ? text_of_html(texts.html) : texts.plain, kTextSizeMax);
  return mail;
}

std::string thread_of(std::string_view subject) {
  auto words = words_of(subject);
  const auto drop = [](const std::string& word) {
    return word == "re" || word == "fwd" || word == "fw" || word == "aw" ||
           any_of_words({word}, kResolvedWords) || any_of_words({word}, kAcknowledgedWords) ||
           any_of_words({word}, kStateWords);
  };
  const auto all = words;
  words.erase(std::remove_if(words.begin(), words.end(), drop), words.end());
  return join(words.empty() ? all : words, " ");
}

InboundEvents parse_mail_event(const InboundMail& mail, const Mapping& mapping) {
  const json body = {{"subject", mail.subject},
                     {"thread", thread_of(mail.subject)},
                     {"from", mail.from},
                     {"to", mail.to},
                     {"text", send::cut_bytes(mail.text, kAnnotationSizeMax)},
                     {"date", mail.date},
                     {"message_id", mail.message_id},
                     {"status", status_of(mail, mapping)},
                     {"headers", mail.headers}};
  Mapping whole = mapping;
  whole.each.clear();
  if (whole.key.empty()) whole.key = "{thread}";
  if (whole.summary.empty()) whole.summary = "{subject}";
  if (whole.annotations.empty()) whole.annotations = {{"text", "{text}"}, {"from", "{from}"}};
  whole.status = "status";
  whole.resolved = {"resolved"};
  whole.acknowledged = {"acknowledged"};
  if (whole.by.empty()) whole.by = "{from}";
  return parse_mapped(body.dump(-1, ' ', false, json::error_handler_t::replace), whole);
}

}  // namespace holdfast::respond::intake
