// respond/status/view.h: the page as files: Statuspage's JSON, RSS and Atom feeds, HTML in two languages.
//
// Purpose     One function of all that is published gives every file of the page, so that a plain web server can go on serving the last
//             of them when everything else is gone. Nothing that is a draft is in any of them.
// Files       index.html, history.html, incidents/<id>.html, each also as *.zh.html and *.en.html; history.rss, history.atom;
//             api/v2/{summary,status,components,incidents,incidents/unresolved,scheduled-maintenances,
//             scheduled-maintenances/upcoming,scheduled-maintenances/active}.json.
// Escaping    Every text of people is escaped for where it stands; pages hold no script and load nothing from elsewhere.
// Threads     Pure.
// Source      Statuspage's public API v2; RSS 2.0; RFC 4287 (Atom).
#pragma once

#include <map>
#include <string>
#include <vector>

#include "respond/status/page.h"

namespace holdfast::respond::status {

struct PageSettings {
  std::string id = "holdfast";  // of the page, in the JSON
  std::string title;
  std::string url;       // where the public finds it, without a slash at the end
  std::string language = "en";
  std::string zone;      // IANA, for times people read; empty: UTC
  std::string support;   // an address or URL for questions; may be empty
};

struct PageState {
  std::vector<Component> components;  // in the order shown, groups together
  std::vector<Post> posts;            // newest first, published ones alone
  WallTime now{};
};

// Path to content.
std::map<std::string, std::string> render_page(const PageSettings& settings, const PageState& state);

// Of the page: none, minor, major, critical, maintenance; and the words of Statuspage for it.
std::string_view page_indicator(const PageState& state);
std::string page_description(const PageState& state, std::string_view language);

// One update as a mail to a subscriber; the links carry the subscriber's token.
struct SubscriberMail {
  std::string subject;
  std::string text;
};
SubscriberMail render_subscriber_mail(const PageSettings& settings, const Post& post, const Update& update,
                                      const std::string& unsubscribe_url, std::string_view language);
// The same as a webhook's body, in Statuspage's form.
std::string render_subscriber_webhook(const PageSettings& settings, const PageState& state, const Post& post,
                                      const std::string& unsubscribe_url);

// Parts of render_page, by file.
namespace view {
std::string escape_html(std::string_view text);  // for text and quoted attributes
std::string json_file(const PageSettings& settings, const PageState& state, std::string_view name);
std::string rss(const PageSettings& settings, const PageState& state);
std::string atom(const PageSettings& settings, const PageState& state);
std::string index_html(const PageSettings& settings, const PageState& state, std::string_view language);
std::string history_html(const PageSettings& settings, const PageState& state, std::string_view language);
std::string post_html(const PageSettings& settings, const PageState& state, const Post& post,
                      std::string_view language);
}  // namespace view

}  // namespace holdfast::respond::status
