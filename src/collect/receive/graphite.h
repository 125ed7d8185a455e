// collect/receive/graphite.h: Graphite's plaintext protocol: the lines and the TCP listener.
//
// Purpose     "servers.web1.load;dc=a 0.7 1700000000\n" becomes servers.web1.load{dc="a"}. A template takes
//             parts of the dotted path as labels, as Telegraf's do: of the template
//             "servers.* .host.measurement* region=eu" the same line becomes load{host="web1",dc="a",
//             region="eu"}. The first template whose filter fits is used; without one the name stays.
// Units       Seconds, fractions allowed; -1, N or no time at all is the moment it came.
// Flow        A connection's lines are stored before more of them is read. The protocol has no answers, so
//             on a full disk the connection waits and the sender with it.
// Threads     GraphiteServer: from the owner; stores on the pool.
// Errors      A bad line is counted, told in the log at most once a minute, and passed over. A line over
//             line_size_max ends its connection.
// Source      graphite.readthedocs.io, "Feeding In Your Data"; Telegraf's template patterns.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "collect/receive/batch.h"
#include "collect/receive/receive_routes.h"

namespace holdfast::collect {

struct Intake;

// "[filter] template [tag=value,...]". The filter's parts are texts or '*'; the template's "measurement",
// "measurement*" (the rest of the path), a label's name, or nothing for a part to leave out.
struct GraphiteTemplate {
  std::vector<std::string> filter;  // empty: fits all
  std::vector<std::string> parts;
  std::vector<model::Label> labels;
};
Result<GraphiteTemplate> parse_graphite_template(std::string_view text);

struct GraphiteRules {
  std::vector<GraphiteTemplate> templates;
  std::string separator = ".";
};

// Whole lines; one without its line feed at the end counts too.
Batch read_graphite_lines(std::string_view lines, const GraphiteRules& rules, model::Timestamp now);

class GraphiteServer {
 public:
  static Result<std::unique_ptr<GraphiteServer>> open(Intake& intake);
  ~GraphiteServer();  // closes everything and waits for lines being stored
  Endpoint local() const { return local_; }

 private:
  class Core;
  GraphiteServer() = default;
  std::shared_ptr<Core> core_;
  Endpoint local_;
};

}  // namespace holdfast::collect
