#include "collect/scrape/scraper.h"

#include <algorithm>
#include <array>
#include <atomic>
#include <map>
#include <mutex>
#include <tuple>

#include "base/log.h"
#include "collect/scrape/scrape_cache.h"
#include "collect/scrape/text_parser.h"
#include "collect/ticker.h"
#include "net/http.h"

namespace holdfast::collect {
namespace {

using metrics::SampleIn;
using metrics::SeriesRef;
using model::Label;
using model::Labels;
using model::Target;
using model::Timestamp;

constexpr std::array<std::string_view, 5> kReportNames = {
    "up", "scrape_duration_seconds", "scrape_samples_scraped", "scrape_samples_post_metric_relabeling",
    "scrape_series_added"};
// Text first: it is what nearly everything serves, and the cheaper of the two to read.
constexpr std::string_view kAccept =
    "text/plain;version=0.0.4;q=0.9,application/openmetrics-text;version=1.0.0;q=0.6,*/*;q=0.1";

bool same(const Target& a, const Target& b) {
  const auto members = [](const Target& t) {
    return std::tie(t.job, t.address, t.path, t.scheme, t.interval, t.timeout, t.labels, t.honor_labels);
  };
  return members(a) == members(b);
}

std::string url_of(const Target& target) { return target.scheme + "://" + target.address + target.path; }

Labels discovered_of(const Target& target) {
  std::vector<Label> all(target.labels.begin(), target.labels.end());
  all.push_back({"__address__", target.address});
  all.push_back({"__metrics_path__", target.path});
  all.push_back({"__scheme__", target.scheme});
  all.push_back({"__scrape_interval__", format_duration(target.interval)});
  all.push_back({"__scrape_timeout__", format_duration(target.timeout)});
  if (!target.labels.has("job")) all.push_back({"job", target.job});
  return Labels(std::move(all));
}

// The labels of a stored series, from what the target wrote and what the configuration adds.
Labels merge(std::vector<Label> own, const Labels& added, bool honor) {
  const auto find = [&](std::string_view name) {
    return std::find_if(own.begin(), own.end(), [&](const Label& l) { return l.name == name; });
  };
  for (const auto& label : added) {
    const auto at = find(label.name);
    if (at == own.end()) {
      own.push_back(label);
    } else if (!honor) {
      std::string renamed = "exported_" + label.name;
      while (find(renamed) != own.end()) renamed.insert(0, "exported_");
      at->name = std::move(renamed);
      own.push_back(label);
    }
  }
  return Labels(std::move(own));
}

// One target being scraped.
class Loop : public std::enable_shared_from_this<Loop> {
 public:
  Loop(Env& env, metrics::Store& store, net::Client& client, const ScrapeLimits& limits, Target target)
      : env_(env), store_(store), client_(client), limits_(limits), target_(std::move(target)),
        labels_(target_labels(target_)) {
    status_.target = target_;
    status_.labels = labels_;
    status_.discovered_labels = discovered_of(target_);
    status_.scrape_url = url_of(target_);
    for (std::size_t i = 0; i < kReportNames.size(); ++i) {
      reports_[i].labels = labels_.with(model::kMetricName, kReportNames[i]);
    }
  }

  const Target& target() const { return target_; }
  TargetStatus status() const {
    std::lock_guard lock(status_mutex_);
    return status_;
  }

  void start() {
    const auto identity = labels_.hash() ^ std::hash<std::string>()(url_of(target_));
    ticker_ = std::make_unique<Ticker>(env_, target_.interval, identity, [this](WallTime at) { tick(at); });
  }

  // Nothing of it runs, and nothing more is stored, when this returns.
  void halt() {
    ticker_.reset();
    stop_.request_stop();
    std::lock_guard lock(mutex_);
    stopped_ = true;
  }

  // Taken off the list: ends its series, on the pool.
  void retire() {
    ticker_.reset();
    stop_.request_stop();
    const auto now = to_ms(env_.clock.now());
    env_.executor.post(Lane::kPool, [self = shared_from_this(), now] { self->end_series(now); });
  }

 private:
  struct Report {
    Labels labels;
    SeriesRef ref = SeriesRef::kNone;
  };
  struct Batch {
    std::vector<SampleIn> samples;
    std::vector<SeriesRef*> refs;  // where the answer's reference of each goes
    void add(SeriesRef& ref, const Labels& labels, Timestamp t, double value) {
      samples.push_back({ref, &labels, {t, value, nullptr}});
      refs.push_back(&ref);
    }
    void clear() {
      samples.clear();
      refs.clear();
    }
  };
  struct Counts {
    std::size_t scraped = 0;
    std::size_t added = 0;
  };

  void tick(WallTime at) {
    if (busy_.exchange(true)) {
      std::lock_guard lock(status_mutex_);
      ++status_.scrapes_skipped;
      return;
    }
    net::ClientRequest request;
    request.url = url_of(target_);
    request.timeout = std::min(target_.timeout, target_.interval);
    request.response_size_max = limits_.body_size_max;
    request.headers.add("Accept", std::string(kAccept));
    request.headers.add("User-Agent", "Holdfast");
    request.headers.add("X-Prometheus-Scrape-Timeout-Seconds", std::to_string(to_seconds(request.timeout)));
    client_.send(
        std::move(request),
        [self = shared_from_this(), at, begun = env_.clock.mono()](Result<net::ClientResponse> answer) {
          const auto took = self->env_.clock.mono() - begun;
          auto shared = std::make_shared<Result<net::ClientResponse>>(std::move(answer));
          self->env_.executor.post(Lane::kPool, [self, at, took, shared] { self->ingest(at, took, *shared); });
        },
        stop_.get_token());
  }

  void ingest(WallTime at, Duration took, const Result<net::ClientResponse>& answer) {
    std::lock_guard lock(mutex_);
    if (stopped_) return;
    const auto t = to_ms(at);
    batch_.clear();
    Counts counts;
    const auto scraped = read_answer(answer, t, counts);
    if (!scraped) batch_.clear();
    for (auto* entry : scraped ? cache_.vanished() : cache_.live()) {
      batch_.add(entry->ref, entry->labels, t, model::stale_marker());
    }
    const double values[] = {scraped ? 1.0 : 0.0, to_seconds(took), static_cast<double>(counts.scraped),
                             static_cast<double>(scraped ? counts.scraped : 0),
                             static_cast<double>(scraped ? counts.added : 0)};
    for (std::size_t i = 0; i < reports_.size(); ++i) batch_.add(reports_[i].ref, reports_[i].labels, t, values[i]);
    std::string rejection;
    const auto stored = store(rejection);
    if (stored && scraped) cache_.finish_round();
    if (stored && !scraped) cache_.clear_live();
    if (stored) reported_ = true;
    note(at, took, counts, !scraped ? scraped.error().message() : !stored ? stored.error().message() : "",
         std::move(rejection));
    busy_ = false;
  }

  Result<void> read_answer(const Result<net::ClientResponse>& answer, Timestamp t, Counts& counts) {
    if (!answer) {
      if (answer.error().code() != Code::kTooLarge) return answer.error();
      return Error(Code::kTooLarge,
                   "the body is larger than the limit of " + std::to_string(limits_.body_size_max) + " bytes");
    }
    if (answer->status != 200) {
      return unavailable("the target answered with HTTP status " + std::to_string(answer->status));
    }
    return parse(answer->body, dialect_of(answer->headers.get("Content-Type")), t, counts);
  }

  Result<void> parse(std::string_view body, Dialect dialect, Timestamp t, Counts& counts) {
    TextParser parser(body, dialect);
    cache_.begin_round();
    std::size_t metadata_hash = 0;
    for (;;) {
      const auto entry = HF_TRY(parser.next(cache_.guess()));
      if (entry == TextParser::Entry::kEnd) break;
      if (entry == TextParser::Entry::kSample) {
        HF_TRY(take_sample(parser, t, counts));
      } else {
        metadata_hash = metadata_hash * 31 + std::hash<std::string_view>()(parser.raw_line());
      }
    }
    if (metadata_hash != metadata_hash_) HF_TRY(store_metadata(body, dialect));
    metadata_hash_ = metadata_hash;
    return {};
  }

  Result<void> take_sample(const TextParser& parser, Timestamp t, Counts& counts) {
    if (++counts.scraped > limits_.sample_count_max) {
      return Error(Code::kTooLarge, "the target exposes more than the limit of " +
                                        std::to_string(limits_.sample_count_max) + " samples");
    }
    auto* entry = cache_.find(parser.series());
    if (entry == nullptr) {
      std::vector<Label> own;
      HF_TRY(parser.labels(own));
      auto labels = merge(std::move(own), labels_, target_.honor_labels);
      if (labels.size() > limits_.label_count_max + 1) {  // the name is none of them
        return Error(Code::kTooLarge, "line " + std::to_string(parser.line_number()) + ": the series has more than " +
                                          "the limit of " + std::to_string(limits_.label_count_max) + " labels");
      }
      entry = &cache_.add(parser.series(), std::move(labels));
    }
    if (entry->ref == SeriesRef::kNone) ++counts.added;
    cache_.see(*entry);
    entry->tracked = !parser.timestamp();
    batch_.add(entry->ref, entry->labels, parser.timestamp().value_or(t), parser.value());
    return {};
  }

  // Rarely: metadata seldom changes between scrapes.
  Result<void> store_metadata(std::string_view body, Dialect dialect) {
    std::map<std::string, metrics::Metadata> found;
    TextParser parser(body, dialect);
    for (;;) {
      const auto entry = HF_TRY(parser.next());
      if (entry == TextParser::Entry::kEnd) break;
      if (entry == TextParser::Entry::kSample) continue;
      auto& metadata = found[parser.family()];
      if (entry == TextParser::Entry::kHelp) metadata.help = parser.text();
      if (entry == TextParser::Entry::kType) metadata.type = parser.text();
      if (entry == TextParser::Entry::kUnit) metadata.unit = parser.text();
    }
    for (auto& [name, metadata] : found) {
      if (metadata.type.empty()) metadata.type = "unknown";
      store_.set_metadata(name, metadata);
    }
    return {};
  }

  Result<void> store(std::string& rejection) {
    const bool want_refs =
        std::any_of(batch_.refs.begin(), batch_.refs.end(), [](auto* ref) { return *ref == SeriesRef::kNone; });
    const auto result = HF_TRY(store_.append(batch_.samples, want_refs));
    if (want_refs && result.refs.size() == batch_.refs.size()) {
      for (std::size_t i = 0; i < result.refs.size(); ++i) *batch_.refs[i] = result.refs[i];
    }
    if (result.rejected() != 0) {
      rejection = std::to_string(result.rejected()) + " samples rejected; the first: " + result.first_error;
    }
    return {};
  }

  void note(WallTime at, Duration took, const Counts& counts, std::string error, std::string rejection) {
    std::lock_guard lock(status_mutex_);
    const char* health = error.empty() ? "up" : "down";
    if (status_.health != health && !error.empty()) {
      log_warn("target is down", {{"url", status_.scrape_url}, {"error", error}});
    }
    status_.health = health;
    status_.last_error = std::move(error);
    status_.last_rejection = std::move(rejection);
    status_.last_scrape = at;
    status_.last_scrape_duration = took;
    status_.samples_scraped = counts.scraped;
    ++status_.scrapes;
  }

  void end_series(Timestamp now) {
    std::lock_guard lock(mutex_);
    if (stopped_) return;
    stopped_ = true;
    batch_.clear();
    for (auto* entry : cache_.live()) batch_.add(entry->ref, entry->labels, now, model::stale_marker());
    if (reported_) {
      for (auto& report : reports_) batch_.add(report.ref, report.labels, now, model::stale_marker());
    }
    std::string rejection;
    if (const auto stored = store(rejection); !stored) {
      log_warn("series of a removed target not ended", {{"url", url_of(target_)}, {"error", stored.error().message()}});
    }
  }

  Env& env_;
  metrics::Store& store_;
  net::Client& client_;
  const ScrapeLimits limits_;
  const Target target_;
  const Labels labels_;
  std::stop_source stop_;
  std::atomic<bool> busy_ = false;  // from the request to its stored answer; orders nothing else

  std::mutex mutex_;  // guards all down to the next blank line; held while a batch is written
  bool stopped_ = false;
  bool reported_ = false;
  ScrapeCache cache_;
  std::array<Report, kReportNames.size()> reports_;
  Batch batch_;
  std::size_t metadata_hash_ = 0;

  mutable std::mutex status_mutex_;  // taken alone or within mutex_
  TargetStatus status_;

  std::unique_ptr<Ticker> ticker_;
};

}  // namespace

Labels target_labels(const Target& target) {
  auto labels = target.labels;
  if (!labels.has("job")) labels = labels.with("job", target.job);
  if (!labels.has("instance")) labels = labels.with("instance", target.address);
  return labels;
}

struct Scraper::Impl {
  Impl(Env& e, metrics::Store& s, ScrapeLimits l) : env(e), store(s), limits(l), client(e) {}

  Env& env;
  metrics::Store& store;
  const ScrapeLimits limits;
  net::Client client;
  mutable std::mutex mutex;  // guards the two lists
  std::vector<std::shared_ptr<Loop>> loops;
  std::vector<std::weak_ptr<Loop>> retiring;
};

Scraper::Scraper(Env& env, metrics::Store& store, ScrapeLimits limits)
    : impl_(std::make_unique<Impl>(env, store, limits)) {}

Scraper::~Scraper() {
  for (const auto& loop : impl_->loops) loop->halt();
  for (const auto& weak : impl_->retiring) {
    if (const auto loop = weak.lock()) loop->halt();
  }
}

void Scraper::set_targets(std::vector<Target> targets) {
  std::lock_guard lock(impl_->mutex);
  std::vector<std::shared_ptr<Loop>> next;
  std::vector<std::shared_ptr<Loop>> fresh;
  const auto find = [](auto& loops, const Target& target) {
    return std::find_if(loops.begin(), loops.end(),
                        [&](const auto& loop) { return loop != nullptr && same(loop->target(), target); });
  };
  for (auto& target : targets) {
    if (find(next, target) != next.end()) continue;  // the same twice is one
    if (const auto at = find(impl_->loops, target); at != impl_->loops.end()) {
      next.push_back(std::move(*at));
      continue;
    }
    next.push_back(std::make_shared<Loop>(impl_->env, impl_->store, impl_->client, impl_->limits, std::move(target)));
    fresh.push_back(next.back());
  }
  std::erase_if(impl_->retiring, [](const auto& weak) { return weak.expired(); });
  for (auto& loop : impl_->loops) {
    if (loop == nullptr) continue;
    loop->retire();
    impl_->retiring.push_back(loop);
  }
  impl_->loops = std::move(next);
  for (const auto& loop : fresh) loop->start();
}

std::vector<TargetStatus> Scraper::status() const {
  std::vector<TargetStatus> out;
  {
    std::lock_guard lock(impl_->mutex);
    for (const auto& loop : impl_->loops) out.push_back(loop->status());
  }
  std::sort(out.begin(), out.end(), [](const TargetStatus& a, const TargetStatus& b) {
    return std::tie(a.target.job, a.scrape_url) < std::tie(b.target.job, b.scrape_url);
  });
  return out;
}

}  // namespace holdfast::collect
