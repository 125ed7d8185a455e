#include "respond/send/templates.h"

#include <algorithm>

#include "base/glob.h"
#include "base/template/alert_functions.h"
#include "respond/send/template_data.h"

namespace holdfast::respond::send {
namespace {

templates::Functions functions() {
  auto out = templates::alertmanager_functions();
  for (auto& [name, function] : notification_functions()) out[name] = std::move(function);
  return out;
}

templates::Options options(bool html) {
  templates::Options out;
  out.html = html;
  out.missing_key = templates::MissingKey::kZero;
  return out;
}

Result<std::string> render(const templates::Templates& templates, const std::string& source,
                           const Data& data, WallTime now) {
  templates::Execution run;
  run.data = value_of(data);
  run.host = &data;
  run.now = now;
  return templates.execute_text(source, run);
}

std::string name_of(const std::string& path) {
  const auto slash = path.rfind('/');
  return slash == std::string::npos ? path : path.substr(slash + 1);
}

}  // namespace

Templates::Templates() : text_(functions(), options(false)), html_(functions(), options(true)) {
  for (const auto text : {default_templates(), email_template()}) {
    const auto added = add("", text);
    HF_CHECK(added.has_value(), "the built-in templates parse");
  }
}

Result<void> Templates::add(const std::string& name, std::string_view text) {
  HF_TRY(text_.parse(name, text));
  return html_.parse(name, text);
}

Result<std::shared_ptr<const Templates>> Templates::parse(const std::vector<std::string>& globs,
                                                          FileSystem& files) {
  auto out = std::make_shared<Templates>();
  for (const auto& pattern : globs) {
    for (const auto& path : glob(files, pattern)) {
      auto text = files.read_file(path);
      if (!text) return std::move(text).error().context(path);
      if (auto added = out->add(name_of(path), *text); !added) return std::move(added).error();
    }
  }
  return std::shared_ptr<const Templates>(std::move(out));
}

Result<std::shared_ptr<const Templates>> Templates::with(const std::string& name,
                                                         std::string_view text) const {
  auto out = std::make_shared<Templates>(*this);
  HF_TRY(out->add(name, text));
  return std::shared_ptr<const Templates>(std::move(out));
}

Result<std::string> Templates::text(const std::string& source, const Data& data,
                                    WallTime now) const {
  return render(text_, source, data, now);
}

Result<std::string> Templates::html(const std::string& source, const Data& data,
                                    WallTime now) const {
  return render(html_, source, data, now);
}

Words::Plain plain_words(const Data& data) {
  constexpr std::size_t kAlertCountMax = 20;
  Words::Plain out;
  const auto firing = data.with_status("firing").size();
  out.title = firing > 0 ? "[FIRING:" + std::to_string(firing) + "]" : "[RESOLVED]";
  const auto& labels = data.group_labels.empty() ? data.common_labels : data.group_labels;
  for (const auto& [name, value] : labels) out.title += " " + value;
  for (std::size_t i = 0; i < data.alerts.size(); ++i) {
    if (i == kAlertCountMax) {
      out.body += "... and " + std::to_string(data.alerts.size() - i) + " more\n";
      break;
    }
    const auto& alert = data.alerts[i];
    out.body += alert.status + ":";
    for (const auto& [name, value] : alert.labels) out.body += " " + name + "=" + value;
    out.body += "\n";
    for (const auto& [name, value] : alert.annotations)
      out.body += "  " + name + ": " + value + "\n";
    if (!alert.generator_url.empty()) out.body += "  " + alert.generator_url + "\n";
  }
  return out;
}

}  // namespace holdfast::respond::send
