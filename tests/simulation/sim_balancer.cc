#include "simulation/sim_balancer.h"

#include <utility>
#include <vector>

#include "base/check.h"
#include "base/text.h"

namespace holdfast::simulation {
namespace {

constexpr int kSlotsPerGroup = 8;

std::vector<std::string> words_of(std::string_view text) {
  std::vector<std::string> words;
  for (const auto word : split(text, ' ')) {
    if (!word.empty()) words.emplace_back(word);
  }
  return words;
}

}  // namespace

struct SimBalancer::Session {
  std::unique_ptr<Connection> connection;
  std::string request;
};

SimBalancer::SimBalancer(Env env, std::string socket, std::string backend, Answers answers)
    : env_(env),
      socket_(std::move(socket)),
      backend_(std::move(backend)),
      answers_(std::move(answers)) {
  start();
}

SimBalancer::~SimBalancer() { stop(); }

void SimBalancer::start() {
  if (listener_) return;
  slots_.clear();
  for (int i = 1; i <= kSlotsPerGroup; ++i) {
    slots_["stable" + std::to_string(i)];
    slots_["canary" + std::to_string(i)];
  }
  auto listening = env_.transport.listen(
      {"", 0, socket_}, [this](std::unique_ptr<Connection> c) { accept(std::move(c)); });
  HF_CHECK(listening.has_value(), "the balancer's socket is taken");
  listener_ = std::move(*listening);
}

void SimBalancer::stop() {
  listener_.reset();
  sessions_.clear();
}

bool SimBalancer::serves(const Slot& slot) const {
  return !slot.maint && !slot.drain && slot.weight > 0 && answers_(slot.port);
}

double SimBalancer::canary_percent() const {
  double canary = 0, all = 0;
  for (const auto& [name, slot] : slots_) {
    if (!serves(slot)) continue;
    all += slot.weight;
    if (name.starts_with("canary")) canary += slot.weight;
  }
  return all == 0 ? 0 : canary / all * 100;
}

void SimBalancer::accept(std::unique_ptr<Connection> connection) {
  auto session = std::make_shared<Session>();
  session->connection = std::move(connection);
  sessions_.insert(session);
  read(session);
}

void SimBalancer::read(const std::shared_ptr<Session>& session) {
  session->connection->read(
      16 * 1024, [this, weak = std::weak_ptr(session)](Result<std::string> chunk) {
        const auto open = weak.lock();
        if (!open) return;
        if (!chunk || chunk->empty()) return end(open);
        open->request += *chunk;
        const auto line_end = open->request.find('\n');
        if (line_end != std::string::npos && !hangs_) {
          open->connection->write(answer(std::string_view(open->request).substr(0, line_end)), {});
          open->connection->shutdown_write();
        }
        read(open);
      });
}

// A turn later: this runs inside the connection's own callback.
void SimBalancer::end(const std::shared_ptr<Session>& session) {
  if (sessions_.erase(session) > 0) env_.executor.post(Lane::kControl, [session] {});
}

std::string SimBalancer::answer(std::string_view line) {
  std::string out;
  for (const auto command : split(line, ';')) out += answer_one(trim(command)) + "\n";
  return out;
}

std::string SimBalancer::answer_one(std::string_view command) {
  const auto words = words_of(command);
  if (command == "show servers state " + backend_) return show_state();
  if (command.starts_with("show stat " + backend_)) return show_stat();
  if (words.size() < 4 || words[0] != "set")
    return "Unknown command: '" + std::string(command) + "'.\n";
  const auto& name = words[1] == "server" ? words[2] : words[2];
  if (!name.starts_with(backend_ + "/") || !slots_.contains(name.substr(backend_.size() + 1)))
    return "No such server.\n";
  auto& slot = slots_[name.substr(backend_.size() + 1)];
  if (words[1] == "weight") {
    slot.weight = static_cast<int>(parse_int(words[3]).value_or(0));
    return "";
  }
  if (words[3] == "state" && words.size() == 5) {
    slot.maint = words[4] == "maint";
    slot.drain = words[4] == "drain";
    return "";
  }
  if (words[3] == "addr" && words.size() == 7) {
    slot.host = words[4];
    slot.port = static_cast<int>(parse_int(words[6]).value_or(0));
    return "IP changed from '0.0.0.0' to '" + slot.host + "', port changed from '0' to '" +
           words[6] + "' by 'stats socket command'\n";
  }
  return "'set server <srv>' only supports 'agent', 'health', 'state', 'weight', 'addr'.\n";
}

std::string SimBalancer::show_state() const {
  std::string out =
      "1\n# be_id be_name srv_id srv_name srv_addr srv_op_state srv_admin_state srv_uweight "
      "srv_iweight "
      "srv_time_since_last_change srv_check_status srv_check_result srv_check_health "
      "srv_check_state "
      "srv_agent_state bk_f_forced_id srv_f_forced_id srv_fqdn srv_port srvrecord srv_use_ssl "
      "srv_check_port "
      "srv_check_addr srv_agent_addr srv_agent_port\n";
  int id = 0;
  for (const auto& [name, slot] : slots_) {
    const int admin = slot.maint ? 1 : slot.drain ? 8 : 0;
    const int operation = !slot.maint && answers_(slot.port) ? 2 : 0;
    out += "3 " + backend_ + " " + std::to_string(++id) + " " + name + " " + slot.host + " " +
           std::to_string(operation) + " " + std::to_string(admin) + " " +
           std::to_string(slot.weight) + " 1 5 6 3 4 6 0 0 0 - " + std::to_string(slot.port) +
           " - 0 0 - - 0\n";
  }
  return out;
}

std::string SimBalancer::show_stat() const {
  std::string out = "# pxname,svname,qcur,scur,stot,status,weight,econ,hrsp_5xx,\n";
  for (const auto& [name, slot] : slots_) {
    const char* status = slot.maint            ? "MAINT"
                         : slot.drain          ? "DRAIN"
                         : answers_(slot.port) ? "UP"
                                               : "DOWN";
    out += backend_ + "," + name + ",0,0," + std::to_string(slot.requests) + "," + status + "," +
           std::to_string(slot.weight) + ",0," + std::to_string(slot.errors) + ",\n";
  }
  return out;
}

}  // namespace holdfast::simulation
