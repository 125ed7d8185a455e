#include "act/traffic/haproxy.h"

#include <algorithm>
#include <utility>

#include "act/traffic/haproxy_exchange.h"
#include "base/text.h"
#include "base/transport.h"

namespace holdfast::act {
namespace haproxy_detail {
namespace {

std::string group_of(const std::string& name) {
  return name.substr(0, std::min(name.find_last_not_of("0123456789") + 1, name.size()));
}

const WantedServer* find_wanted(const std::vector<WantedServer>& wanted, const std::string& name) {
  const auto at = std::ranges::find(wanted, name, &WantedServer::name);
  return at == wanted.end() || at->address.empty() ? nullptr : &*at;
}

// The commands that bring one slot to where it serves.
Result<std::vector<std::string>> commands_of_slot(const std::string& slot,
                                                  const HaproxyServerState& now,
                                                  const WantedServer& wanted) {
  const auto endpoint = HF_TRY(parse_endpoint(wanted.address).context("server " + wanted.name));
  std::vector<std::string> commands;
  const bool moves = now.address != endpoint.host || now.port != endpoint.port;
  if (moves) {
    // Out of rotation first: otherwise requests for the old server would reach the new one.
    if (!now.maint) commands.push_back("set server " + slot + " state maint");
    commands.push_back("set server " + slot + " addr " + endpoint.host + " port " +
                       std::to_string(endpoint.port));
  }
  if (now.weight != wanted.weight)
    commands.push_back("set weight " + slot + " " + std::to_string(wanted.weight));
  const bool was_maint = now.maint || moves;
  if (wanted.drain && (was_maint || !now.drain)) {
    commands.push_back("set server " + slot + " state drain");
  } else if (!wanted.drain && (was_maint || now.drain)) {
    commands.push_back("set server " + slot + " state ready");
  }
  return commands;
}

}  // namespace

Result<std::vector<std::string>> commands_for(const std::string& backend,
                                              const std::vector<HaproxyServerState>& now,
                                              const std::vector<WantedServer>& wanted) {
  for (const auto& server : wanted) {
    if (server.weight < 0 || server.weight > 256)
      return invalid("server " + server.name + ": weight is not from 0 to 256");
    if (!server.address.empty() &&
        std::ranges::find(now, server.name, &HaproxyServerState::name) == now.end()) {
      return not_found("haproxy backend " + backend + " has no server slot " + server.name);
    }
  }
  std::vector<std::string> in, out;
  for (const auto& server : now) {
    const auto slot = backend + "/" + server.name;
    const auto* want = find_wanted(wanted, server.name);
    if (want == nullptr) {
      if (!server.maint) out.push_back("set server " + slot + " state maint");
      continue;
    }
    auto commands = HF_TRY(commands_of_slot(slot, server, *want));
    auto& list = want->drain ? out : in;
    list.insert(list.end(), commands.begin(), commands.end());
  }
  in.insert(in.end(), out.begin(), out.end());
  return in;
}

std::vector<std::string> batches_of(const std::vector<std::string>& commands,
                                    std::size_t size_max) {
  std::vector<std::string> batches;
  for (const auto& command : commands) {
    if (batches.empty() || batches.back().size() + 1 + command.size() > size_max) {
      batches.push_back(command);
    } else {
      batches.back() += ";" + command;
    }
  }
  return batches;
}

std::string complaints_in(std::string_view answer) {
  std::vector<std::string> complaints;
  for (const auto raw : split(answer, '\n')) {
    const auto line = trim(raw);
    // What `set server ... addr` reports when it worked.
    const bool is_report = line.find("no need to change") != std::string_view::npos ||
                           line.find("changed from") != std::string_view::npos;
    if (!line.empty() && !is_report) complaints.push_back(printable(line, 200));
  }
  return join(complaints, " ");
}

Result<std::vector<ServerView>> views_of(const std::string& backend, std::string_view answer) {
  const auto states = HF_TRY(parse_haproxy_servers(answer));
  const auto stat = HF_TRY(parse_haproxy_stat(answer));
  std::vector<ServerView> views;
  for (const auto& state : states) {
    if (state.backend != backend) continue;
    ServerView view;
    view.name = state.name;
    view.group = group_of(state.name);
    view.address = Endpoint{state.address, static_cast<std::uint16_t>(state.port), {}}.text();
    view.weight = state.weight;
    view.status = state.maint ? "maint" : state.drain ? "drain" : state.up ? "up" : "down";
    for (const auto& row : stat) {
      const auto field = [&](const char* name) {
        const auto at = row.find(name);
        return at == row.end() ? std::string() : at->second;
      };
      if (field("pxname") != backend || field("svname") != state.name) continue;
      if (view.status == "up" && field("status") == "no check") view.status = "no_check";
      view.sessions = parse_int(field("scur")).value_or(0);
      view.requests_total = parse_int(field("stot")).value_or(0);
      view.errors_total =
          parse_int(field("hrsp_5xx")).value_or(0) + parse_int(field("econ")).value_or(0);
    }
    views.push_back(std::move(view));
  }
  return views;
}

}  // namespace haproxy_detail

using namespace haproxy_detail;

struct HaproxyRouter::Impl : std::enable_shared_from_this<Impl> {
  Impl(Env& env_in, HaproxyOptions options_in) : env(env_in), options(std::move(options_in)) {}

  void ask(std::string command, HaproxyAnswered answered) {
    haproxy_exchange(
        env, options.socket, std::move(command), {options.timeout, kAnswerSizeMax},
        [weak = weak_from_this(), answered = std::move(answered)](Result<std::string> answer) {
          if (weak.lock()) answered(std::move(answer));
        });
  }

  struct Apply {
    std::vector<WantedServer> wanted;
    std::vector<std::string> batches;
    std::size_t next = 0;
    std::string complaints;
    Applied applied;
  };
  using ApplyPtr = std::shared_ptr<Apply>;

  void look(const std::function<void(Result<std::vector<HaproxyServerState>>)>& then) {
    ask("show servers state " + options.backend, [this, then](Result<std::string> answer) {
      if (!answer) return then(answer.error());
      auto states = parse_haproxy_servers(*answer);
      if (states)
        std::erase_if(*states, [&](const auto& s) { return s.backend != options.backend; });
      then(std::move(states));
    });
  }

  void begin(const ApplyPtr& apply) {
    look([this, apply](Result<std::vector<HaproxyServerState>> now) {
      if (!now) return apply->applied(now.error());
      const auto commands = commands_for(options.backend, *now, apply->wanted);
      if (!commands) return apply->applied(commands.error());
      if (commands->empty()) return apply->applied({});
      apply->batches = batches_of(*commands, kBatchSizeMax);
      send_next(apply);
    });
  }

  void send_next(const ApplyPtr& apply) {
    if (apply->next == apply->batches.size()) return verify(apply);
    ask(apply->batches[apply->next++], [this, apply](Result<std::string> answer) {
      if (!answer) return apply->applied(answer.error());
      const auto complaints = complaints_in(*answer);
      if (!complaints.empty())
        apply->complaints += (apply->complaints.empty() ? "" : " ") + complaints;
      send_next(apply);
    });
  }

  // Words are not trusted: what counts is that nothing is left to be changed.
  void verify(const ApplyPtr& apply) {
    look([this, apply](Result<std::vector<HaproxyServerState>> now) {
      if (!now) return apply->applied(now.error());
      const auto left = commands_for(options.backend, *now, apply->wanted);
      if (!left) return apply->applied(left.error());
      if (left->empty()) return apply->applied({});
      apply->applied(
          Error(Code::kConflict, "haproxy did not take: " + left->front() +
                                     (apply->complaints.empty() ? "" : ": " + apply->complaints)));
    });
  }

  Env& env;
  const HaproxyOptions options;
};

HaproxyRouter::HaproxyRouter(Env& env, HaproxyOptions options)
    : impl_(std::make_shared<Impl>(env, std::move(options))) {}

HaproxyRouter::~HaproxyRouter() = default;

void HaproxyRouter::apply(std::vector<WantedServer> servers, Applied applied) {
  auto apply = std::make_shared<Impl::Apply>();
  apply->wanted = std::move(servers);
  apply->applied = std::move(applied);
  impl_->begin(apply);
}

void HaproxyRouter::observe(Observed observed) {
  const auto& backend = impl_->options.backend;
  // 4: servers only; -1: all of them.
  impl_->ask("show servers state " + backend + ";show stat " + backend + " 4 -1",
             [impl = impl_.get(), observed = std::move(observed)](Result<std::string> answer) {
               if (!answer) return observed(answer.error());
               observed(views_of(impl->options.backend, *answer));
             });
}

}  // namespace holdfast::act
