#include "collect/receive/graphite.h"

#include <algorithm>
#include <atomic>
#include <cmath>
#include <mutex>
#include <unordered_map>

#include "base/log.h"
#include "base/text.h"
#include "collect/receive/handlers.h"

namespace holdfast::collect {

// ---- lines ----

Result<GraphiteTemplate> parse_graphite_template(std::string_view text) {
  std::vector<std::string> words;
  for (const auto word : split(text, ' ')) {
    if (!word.empty()) words.emplace_back(word);
  }
  GraphiteTemplate out;
  if (!words.empty() && words.back().find('=') != std::string::npos) {
    for (const auto pair : split(words.back(), ',')) {
      const auto equals = pair.find('=');
      if (equals == pair.npos || !model::is_label_name(pair.substr(0, equals)))
        return invalid("'" + printable(pair) + "' is no tag=value");
      out.labels.push_back(
          {std::string(pair.substr(0, equals)), std::string(pair.substr(equals + 1))});
    }
    words.pop_back();
  }
  if (words.empty() || words.size() > 2)
    return invalid("'" + printable(text) + "'; allowed: [filter] template [tag=value,...]");
  if (words.size() == 2) {
    for (const auto part : split(words[0], '.')) out.filter.emplace_back(part);
  }
  bool named = false;
  for (const auto part : split(words.back(), '.')) {
    const bool is_name = part == "measurement" || part == "measurement*";
    named = named || is_name;
    if (!part.empty() && !is_name && !model::is_label_name(part))
      return invalid("'" + printable(part) + "' is no label name");
    out.parts.emplace_back(part);
  }
  if (!named) return invalid("'" + printable(text) + "' has no 'measurement'");
  return out;
}

namespace {

bool fits(const GraphiteTemplate& rule, const std::vector<std::string_view>& path) {
  if (rule.filter.size() > path.size()) return false;
  for (std::size_t i = 0; i < rule.filter.size(); ++i) {
    if (rule.filter[i] != "*" && rule.filter[i] != path[i]) return false;
  }
  return true;
}

// The name a template gives; its labels are added.
std::string apply(const GraphiteTemplate& rule, const std::vector<std::string_view>& path,
                  const std::string& separator, std::vector<model::Label>& labels) {
  std::string name;
  const auto add_name = [&](std::string_view part) {
    name += (name.empty() ? "" : separator) + std::string(part);
  };
  labels = rule.labels;
  for (std::size_t i = 0; i < rule.parts.size() && i < path.size(); ++i) {
    const auto& part = rule.parts[i];
    if (part == "measurement*") {
      for (; i < path.size(); ++i) add_name(path[i]);
    } else if (part == "measurement") {
      add_name(path[i]);
    } else if (!part.empty()) {
      const auto there = std::find_if(labels.begin(), labels.end(),
                                      [&](const auto& label) { return label.name == part; });
      if (there == labels.end())
        labels.push_back({part, std::string(path[i])});
      else
        there->value += "." + std::string(path[i]);  // a label given two parts has both
    }
  }
  return name;
}

Result<void> read_tags(std::string_view tags, std::vector<model::Label>& labels) {
  for (const auto pair : split(tags, ';')) {
    const auto equals = pair.find('=');
    if (equals == pair.npos || equals == 0)
      return invalid("tag '" + printable(pair) + "' is no name=value");
    const auto name = pair.substr(0, equals);
    std::erase_if(labels, [&](const model::Label& label) { return label.name == name; });
    labels.push_back({std::string(name), std::string(pair.substr(equals + 1))});
  }
  return {};
}

Result<model::Timestamp> read_time(std::string_view text, model::Timestamp now) {
  if (text == "-1" || text == "N" || text == "n") return now;
  const auto seconds = parse_double(text);
  if (!seconds || !(std::abs(*seconds) < 1e14))
    return invalid("timestamp '" + printable(text) + "' is no number of seconds");
  return static_cast<model::Timestamp>(std::llround(*seconds * 1000));
}

Result<void> read_line(std::string_view line, const GraphiteRules& rules, model::Timestamp now,
                       Batch& out) {
  std::vector<std::string_view> words;
  for (std::size_t i = 0; i < line.size();) {
    const auto begin = line.find_first_not_of(" \t", i);
    if (begin == line.npos) break;
    const auto end = std::min(line.find_first_of(" \t", begin), line.size());
    words.push_back(line.substr(begin, end - begin));
    i = end;
  }
  if (words.size() < 2 || words.size() > 3)
    return invalid("'" + printable(line) + "'; allowed: path value [timestamp]");
  const auto value = parse_double(words[1]);
  if (!value) return invalid("value '" + printable(words[1]) + "' is no number");
  const auto t = words.size() == 3 ? HF_TRY(read_time(words[2], now)) : now;
  const auto semicolon = words[0].find(';');
  const auto path = words[0].substr(0, semicolon);
  const auto parts = split(path, '.');
  std::vector<model::Label> labels;
  std::string name(path);
  for (const auto& rule : rules.templates) {
    if (!fits(rule, parts)) continue;
    name = apply(rule, parts, rules.separator, labels);
    break;
  }
  if (semicolon != words[0].npos) HF_TRY(read_tags(words[0].substr(semicolon + 1), labels));
  labels.push_back({std::string(model::kMetricName), std::move(name)});
  HF_TRY(normalise_labels(labels));
  out.add(model::Labels(std::move(labels)), t, *value);
  return {};
}

}  // namespace

Batch read_graphite_lines(std::string_view lines, const GraphiteRules& rules,
                          model::Timestamp now) {
  Batch out;
  std::size_t number = 0;
  while (!lines.empty()) {
    ++number;
    const auto end = lines.find('\n');
    const auto line = trim(lines.substr(0, end));
    lines.remove_prefix(end == lines.npos ? lines.size() : end + 1);
    if (line.empty()) continue;
    if (auto done = read_line(line, rules, now, out); !done)
      out.refusals.add("line " + std::to_string(number) + ": " + done.error().message());
  }
  return out;
}

// ---- the listener ----

namespace {
constexpr std::size_t kReadSize = 256 * 1024;
constexpr Duration kIdleTimeout = 1h;
constexpr Duration kRetryAfter = 1s;  // on a full disk
constexpr Duration kComplainEvery = 1min;
}  // namespace

class GraphiteServer::Core : public std::enable_shared_from_this<Core> {
  struct Session {
    std::unique_ptr<Connection> connection;
    std::string in;  // not yet a whole line
  };
  using SessionPtr = std::shared_ptr<Session>;

 public:
  Core(Intake& intake, GraphiteRules rules) : intake_(intake), rules_(std::move(rules)) {}

  Result<Endpoint> listen(const Endpoint& at) {
    auto listener = HF_TRY(intake_.env.transport.listen(
        at, [weak = weak_from_this()](std::unique_ptr<Connection> connection) {
          if (const auto core = weak.lock()) core->accept(std::move(connection));
        }));
    auto local = listener->local();
    const std::lock_guard lock(mutex_);
    listener_ = std::move(listener);
    return local;
  }

  void close_now() {
    closed_.store(true);
    std::unique_ptr<Listener> listener;
    std::unordered_map<Session*, std::shared_ptr<Session>> sessions;
    {
      const std::lock_guard lock(mutex_);
      listener.swap(listener_);
      sessions.swap(sessions_);
    }
    listener.reset();
    for (const auto& [key, session] : sessions) session->connection->close();
    while (const int running = running_.load()) running_.wait(running);
  }

 private:
  void accept(std::unique_ptr<Connection> connection) {
    auto session = std::make_shared<Session>();
    session->connection = std::move(connection);
    {
      const std::lock_guard lock(mutex_);
      if (closed_.load() || sessions_.size() >= intake_.options.graphite.connection_count_max)
        return;
      sessions_.emplace(session.get(), session);
    }
    session->connection->post(
        guarded(session, [](Core& core, const SessionPtr& at) { core.read(at); }));
  }

  // A callback that does nothing once the core or the session is gone.
  template <typename F>
  std::function<void()> guarded(const SessionPtr& session, F run) {
    return [weak = weak_from_this(), at = std::weak_ptr<Session>(session), run] {
      const auto core = weak.lock();
      const auto self = at.lock();
      if (core && self) run(*core, self);
    };
  }

  void read(const SessionPtr& session) {
    session->connection->set_timer(
        kIdleTimeout,
        guarded(session, [](Core& core, const SessionPtr& at) { core.end_session(at); }));
    session->connection->read(
        kReadSize, [weak = weak_from_this(),
                    at = std::weak_ptr<Session>(session)](const Result<std::string>& chunk) {
          const auto core = weak.lock();
          const auto self = at.lock();
          if (core && self) core->on_read(self, chunk);
        });
  }

  void on_read(const SessionPtr& session, const Result<std::string>& chunk) {
    const bool over = !chunk || chunk->empty();
    if (!over) session->in += *chunk;
    const auto end = over ? session->in.size() : session->in.rfind('\n') + 1;  // npos + 1 is 0
    auto lines = session->in.substr(0, end);
    session->in.erase(0, end);
    if (session->in.size() > intake_.options.graphite.line_size_max) {
      complain("a line is over " + std::to_string(intake_.options.graphite.line_size_max) +
               " bytes");
      intake_.of(Protocol::kGraphite).refused.fetch_add(1, std::memory_order_relaxed);
      return end_session(session);
    }
    if (!lines.empty()) return store(session, std::move(lines), over);
    if (over) return end_session(session);
    read(session);
  }

  void store(const SessionPtr& session, std::string lines, bool last) {
    auto batch = std::make_shared<const Batch>(read_graphite_lines(lines, rules_, intake_.now()));
    store_again(session, std::move(batch), last, Duration::zero());
  }

  void store_again(const SessionPtr& session, std::shared_ptr<const Batch> batch, bool last,
                   Duration delay) {
    // The session is held, so that the last lines of a connection that closed are stored too.
    intake_.env.executor.post_after(Lane::kPool, delay,
                                    [weak = weak_from_this(), session, batch, last] {
                                      const auto core = weak.lock();
                                      if (!core || !core->enter()) return;
                                      core->keep(session, batch, last);
                                      core->leave();
                                    });
  }

  void keep(const SessionPtr& session, const std::shared_ptr<const Batch>& batch, bool last) {
    const auto stored = intake_.keep(Protocol::kGraphite, *batch);
    if (!stored) {
      complain(stored.error().message());
      if (receive_status(stored.error()) == 503)
        return store_again(session, batch, last, kRetryAfter);
    } else if (!stored->refusals.empty()) {
      complain(stored->refusals.text());
    }
    session->connection->post(guarded(session, [last](Core& core, const SessionPtr& at) {
      if (last)
        core.end_session(at);
      else
        core.read(at);
    }));
  }

  void end_session(const SessionPtr& session) {
    session->connection->close();
    const std::lock_guard lock(mutex_);
    sessions_.erase(session.get());
  }

  void complain(const std::string& what) {
    {
      const std::lock_guard lock(mutex_);
      const auto now = intake_.env.clock.mono();
      if (complained_ && now - *complained_ < kComplainEvery) return;
      complained_ = now;
    }
    log_warn("graphite: lines refused", {{"error", what}});
  }

  bool enter() {
    // Sequentially consistent, as in close_now(): either it sees us or we see it.
    running_.fetch_add(1);
    if (!closed_.load()) return true;
    leave();
    return false;
  }
  void leave() {
    if (running_.fetch_sub(1) == 1 && closed_.load()) running_.notify_all();
  }

  Intake& intake_;
  const GraphiteRules rules_;
  std::atomic<bool> closed_{false};
  std::atomic<int> running_{0};
  std::mutex mutex_;
  std::unique_ptr<Listener> listener_ HF_GUARDED_BY(mutex_);
  std::unordered_map<Session*, SessionPtr> sessions_ HF_GUARDED_BY(mutex_);
  std::optional<MonoTime> complained_ HF_GUARDED_BY(mutex_);
};

Result<std::unique_ptr<GraphiteServer>> GraphiteServer::open(Intake& intake) {
  const auto& options = intake.options.graphite;
  GraphiteRules rules;
  rules.separator = options.separator;
  for (const auto& text : options.templates)
    rules.templates.push_back(HF_TRY(parse_graphite_template(text).context("graphite template")));
  const auto at = HF_TRY(parse_endpoint(options.listen).context("graphite listen"));
  std::unique_ptr<GraphiteServer> server(new GraphiteServer);
  server->core_ = std::make_shared<Core>(intake, std::move(rules));
  server->local_ =
      HF_TRY(server->core_->listen(at).context("graphite: listen on " + options.listen));
  return server;
}

GraphiteServer::~GraphiteServer() {
  if (core_) core_->close_now();
}

}  // namespace holdfast::collect
