// Feeds: one entry a post, its newest update first, so that readers show what changed.
#include <nlohmann/json.hpp>

#include "base/zones.h"
#include "respond/status/view.h"

namespace holdfast::respond::status {
namespace {

constexpr std::size_t kEntriesMax = 25;

std::string two(int n) {
  return (n < 10 ? "0" : "") + std::to_string(n);
}

// RFC 822, as RSS wants it.
std::string rfc822(WallTime at) {
  static constexpr const char* kDays[] = {"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
  static constexpr const char* kMonths[] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                            "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
  const auto civil = civil_utc(at);
  return std::string(kDays[weekday(civil)]) + ", " + two(civil.day) + " " + kMonths[civil.month - 1] + " " +
         std::to_string(civil.year) + " " + two(civil.hour) + ":" + two(civil.minute) + ":" + two(civil.second) +
         " +0000";
}

std::string paragraphs(const Post& post) {
  std::string html;
  for (auto it = post.updates.rbegin(); it != post.updates.rend(); ++it) {
    if (it->draft) continue;
    html += "<p><small>" + format_time(it->at) + "</small><br><strong>" + view::escape_html(it->status) +
            "</strong> - " + view::escape_html(it->body) + "</p>";
  }
  return html;
}

std::string link_of(const PageSettings& settings, const Post& post) {
  return settings.url + "/incidents/" + post.id + ".html";
}

}  // namespace

std::string view::rss(const PageSettings& settings, const PageState& state) {
  std::string xml = "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<rss version=\"2.0\"><channel><title>" +
                    escape_html(settings.title) + "</title><link>" + escape_html(settings.url) +
                    "</link><description>" + escape_html(settings.title) + "</description><pubDate>" +
                    rfc822(state.now) + "</pubDate>\n";
  for (std::size_t i = 0; i < state.posts.size() && i < kEntriesMax; ++i) {
    const auto& post = state.posts[i];
    const auto link = escape_html(link_of(settings, post));
    xml += "<item><title>" + escape_html(post.name) + "</title><description>" + escape_html(paragraphs(post)) +
           "</description><pubDate>" + rfc822(post.updated_at()) + "</pubDate><link>" + link +
           "</link><guid>" + link + "</guid></item>\n";
  }
  return xml + "</channel></rss>\n";
}

std::string view::atom(const PageSettings& settings, const PageState& state) {
  const auto self = escape_html(settings.url + "/history.atom");
  std::string xml = "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<feed xmlns=\"http://www.w3.org/2005/Atom\"><id>" + self +
                    "</id><title>" + escape_html(settings.title) + "</title><link rel=\"self\" href=\"" + self +
                    "\"/><link href=\"" + escape_html(settings.url) + "\"/><updated>" +
                    format_time(state.posts.empty() ? state.now : state.posts.front().updated_at()) +
                    "</updated><author><name>" + escape_html(settings.title) + "</name></author>\n";
  for (std::size_t i = 0; i < state.posts.size() && i < kEntriesMax; ++i) {
    const auto& post = state.posts[i];
    const auto link = escape_html(link_of(settings, post));
    xml += "<entry><id>" + link + "</id><title>" + escape_html(post.name) + "</title><link href=\"" + link +
           "\"/><published>" + format_time(post.created_at) + "</published><updated>" +
           format_time(post.updated_at()) + "</updated><content type=\"html\">" + escape_html(paragraphs(post)) +
           "</content></entry>\n";
  }
  return xml + "</feed>\n";
}

SubscriberMail render_subscriber_mail(const PageSettings& settings, const Post& post, const Update& update,
                                      const std::string& unsubscribe_url, std::string_view language) {
  const bool zh = language == "zh";
  SubscriberMail mail;
  mail.subject = "[" + settings.title + "] " + post.name + " - " + update.status;
  mail.text = post.name + "\n\n" + format_time(update.at) + " " + update.status + "\n" + update.body + "\n\n" +
              (zh ? "详情：" : "Details: ") + link_of(settings, post) + "\n" +
              (zh ? "退订：" : "Unsubscribe: ") + unsubscribe_url + "\n";
  return mail;
}

std::map<std::string, std::string> render_page(const PageSettings& settings, const PageState& state) {
  std::map<std::string, std::string> files;
  for (const char* name : {"summary", "status", "components", "incidents", "incidents/unresolved",
                           "scheduled-maintenances", "scheduled-maintenances/upcoming",
                           "scheduled-maintenances/active"})
    files["api/v2/" + std::string(name) + ".json"] = view::json_file(settings, state, name);
  files["history.rss"] = view::rss(settings, state);
  files["history.atom"] = view::atom(settings, state);
  const auto in_languages = [&](const std::string& base, auto render) {
    for (const std::string language : {"en", "zh"}) {
      auto html = render(language);
      if (language == settings.language) files[base + ".html"] = html;
      files[base + "." + language + ".html"] = std::move(html);
    }
  };
  in_languages("index", [&](const std::string& language) { return view::index_html(settings, state, language); });
  in_languages("history",
               [&](const std::string& language) { return view::history_html(settings, state, language); });
  for (const auto& post : state.posts) {
    in_languages("incidents/" + post.id, [&](const std::string& language) {
      return view::post_html(settings, state, post, language);
    });
  }
  return files;
}

}  // namespace holdfast::respond::status
