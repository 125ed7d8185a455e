#include "collect/remote_read/remote_reader.h"

#include <algorithm>
#include <condition_variable>
#include <map>
#include <optional>

#include "base/text.h"
#include "collect/remote_read/remote_read_message.h"

namespace holdfast::collect {
namespace {

constexpr std::size_t kAnswerSizeMax = 256 * 1024 * 1024;  // bytes, of one peer

// An answer on its way; the waiting thread is a query's.
class Mailbox {
 public:
  void put(Result<net::ClientResponse> answer) {
    const std::lock_guard lock(mutex_);
    answer_ = std::move(answer);
    there_.notify_one();
  }
  Result<net::ClientResponse> take() {
    std::unique_lock lock(mutex_);
    there_.wait(lock, [this] { return answer_.has_value(); });
    return std::move(*answer_);
  }

 private:
  std::mutex mutex_;
  std::condition_variable there_;
  std::optional<Result<net::ClientResponse>> answer_;
};

}  // namespace

struct RemoteReader::Peer {
  Peer(Env& env, net::Client& client, const RemoteReadConfig& from)
      : config(from), http(env, client, from.http) {}
  RemoteReadConfig config;
  mutable HttpClient http;  // send() is for any thread
};

// What one peer is to be asked; it keeps the peer while the answer is on its way.
struct RemoteReader::Question {
  PeerPtr peer;
  std::vector<model::Matcher> matchers;
  std::vector<std::string> drop;  // labels its series lose
  model::Timestamp from = 0;
  model::Timestamp to = 0;
};

RemoteReader::RemoteReader(Env& env, const metrics::Store& store, net::Client& client)
    : env_(env), store_(store), client_(client) {}
RemoteReader::~RemoteReader() = default;

void RemoteReader::configure(const std::vector<RemoteReadConfig>& peers,
                             const model::Labels& external) {
  std::vector<PeerPtr> fresh;
  for (const auto& config : peers) fresh.push_back(std::make_shared<Peer>(env_, client_, config));
  const std::lock_guard lock(mutex_);
  peers_.swap(fresh);  // the old ones go when the last query has their answer
  external_ = external;
}

std::vector<RemoteReader::Question> RemoteReader::questions(
    const metrics::SelectRequest& request) const {
  std::vector<PeerPtr> peers;
  model::Labels external;
  {
    const std::lock_guard lock(mutex_);
    if (peers_.empty()) return {};
    peers = peers_;
    external = external_;
  }
  const auto has = [&](const std::string& name, const std::string& value) {
    return std::ranges::any_of(request.matchers, [&](const auto& one) {
      return one.op() == model::MatchOp::kEqual && one.name() == name && one.value() == value;
    });
  };
  const auto names = [&](const std::string& name) {
    return std::ranges::any_of(request.matchers,
                               [&](const auto& one) { return one.name() == name; });
  };
  std::vector<Question> all;
  for (const auto& peer : peers) {
    const auto& config = peer->config;
    const bool wanted = std::ranges::all_of(
        config.required_matchers, [&](const auto& one) { return has(one.first, one.second); });
    if (!wanted) continue;
    Question question{peer, request.matchers, {}, request.from, request.to};
    if (!config.read_recent) {
      const auto stats = store_.stats();
      const bool empty = stats.min_time == 0 && stats.max_time == 0;
      if (!empty) question.to = std::min(question.to, stats.min_time);
      if (question.to < question.from) continue;
    }
    if (config.filter_external_labels) {
      for (const auto& label : external) {
        if (names(label.name)) continue;
        question.matchers.push_back(model::Matcher::equal(label.name, label.value));
        question.drop.push_back(label.name);
      }
    }
    all.push_back(std::move(question));
  }
  return all;
}

namespace {

metrics::Column without(metrics::Column column, const std::vector<std::string>& names) {
  if (names.empty()) return column;
  std::vector<model::Label> labels;
  for (const auto& label : *column.labels) {
    if (std::ranges::find(names, label.name) == names.end()) labels.push_back(label);
  }
  column.labels = std::make_shared<const model::Labels>(std::move(labels));
  return column;
}

Result<std::vector<metrics::Column>> read_answer(const Result<net::ClientResponse>& answer,
                                                 model::Timestamp from, model::Timestamp to,
                                                 std::size_t sample_count_max) {
  if (!answer) return answer.error();
  if (answer->status != 200) {
    return unavailable("it answered status " + std::to_string(answer->status) + ": " +
                       printable(answer->body, 200));
  }
  return read_read_answer(answer->body, is_streamed_answer(answer->headers.get("Content-Type")),
                          from, to, {kAnswerSizeMax, sample_count_max});
}

}  // namespace

Result<std::vector<metrics::Column>> RemoteReader::ask(
    const std::vector<Question>& all, const metrics::SelectRequest& request) const {
  std::vector<std::shared_ptr<Mailbox>> boxes;
  for (const auto& question : all) {
    const auto& config = question.peer->config;
    net::ClientRequest out;
    out.method = "POST";
    out.url = config.url;
    out.timeout = config.timeout;
    out.response_size_max = kAnswerSizeMax;
    out.body = write_read_request(question.matchers, question.from, question.to);
    for (const auto& [name, value] : config.headers) out.headers.set(name, value);
    out.headers.set("Content-Type", "application/x-protobuf");
    out.headers.set("Content-Encoding", "snappy");
    out.headers.set("Accept-Encoding", "snappy");  // the body is ours to unpack
    out.headers.set("X-Prometheus-Remote-Read-Version", "0.1.0");
    out.headers.set("User-Agent", "holdfast");
    const auto box = boxes.emplace_back(std::make_shared<Mailbox>());
    question.peer->http.send(
        std::move(out), [box](auto answer) { box->put(std::move(answer)); }, request.stop);
  }
  std::vector<metrics::Column> columns;
  std::optional<Error> failed;
  for (std::size_t i = 0; i < all.size(); ++i) {
    const auto answer = boxes[i]->take();  // of all, so that none outlives the query
    if (failed) continue;
    auto read = read_answer(answer, all[i].from, all[i].to, request.sample_count_max);
    if (!read) {
      failed = std::move(read).error().context("remote read from " + all[i].peer->config.name +
                                               " (" + all[i].peer->config.url + ")");
      continue;
    }
    for (auto& column : *read) columns.push_back(without(std::move(column), all[i].drop));
  }
  if (failed) return *failed;
  return columns;
}

Result<std::vector<metrics::Column>> RemoteReader::select(
    const metrics::SelectRequest& request) const {
  const auto all = questions(request);
  auto own = HF_TRY(store_.select(request));
  if (all.empty()) return own;
  std::map<model::Labels, std::vector<metrics::Column>> by_labels;
  for (auto& column : own) {
    auto& into = by_labels[*column.labels];
    into.push_back(std::move(column));
  }
  for (auto& column : HF_TRY(ask(all, request))) {
    auto& into = by_labels[*column.labels];
    into.push_back(std::move(column));
  }
  std::vector<metrics::Column> merged;
  std::size_t count = 0;
  for (auto& [labels, parts] : by_labels) {
    merged.push_back(merge_columns(std::move(parts)));
    count += merged.back().times.size();
    if (count > request.sample_count_max) {
      return Error(Code::kTooLarge, "the query reads more than " +
                                        std::to_string(request.sample_count_max) + " samples");
    }
  }
  return merged;
}

Result<metrics::SelectionPtr> RemoteReader::find(const metrics::SelectRequest& request) const {
  return questions(request).empty() ? store_.find(request) : Reader::find(request);
}

Result<metrics::LevelSelectionPtr> RemoteReader::find_levels(
    const metrics::SelectRequest& request, const metrics::LevelRequest& levels) const {
  return questions(request).empty() ? store_.find_levels(request, levels)
                                    : Reader::find_levels(request, levels);
}

}  // namespace holdfast::collect
