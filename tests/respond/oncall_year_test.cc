// A year of handovers in 40 zones against an oracle that shares nothing with the code: it goes
// minute by minute through the year, reads the clock of the zone from libc, and hands over when the
// clock passes the hour.
#include <gtest/gtest.h>

#include <cstdlib>
#include <ctime>

#include "respond/oncall/schedule.h"

namespace holdfast::respond::oncall {
namespace {

constexpr const char* kZones[] = {"UTC",
                                  "Europe/Berlin",
                                  "Europe/London",
                                  "Europe/Dublin",
                                  "Europe/Lisbon",
                                  "Europe/Athens",
                                  "Europe/Moscow",
                                  "Europe/Chisinau",
                                  "America/New_York",
                                  "America/Chicago",
                                  "America/Denver",
                                  "America/Phoenix",
                                  "America/Los_Angeles",
                                  "America/Anchorage",
                                  "America/St_Johns",
                                  "America/Havana",
                                  "America/Sao_Paulo",
                                  "America/Santiago",
                                  "America/Asuncion",
                                  "America/Nuuk",
                                  "Atlantic/Azores",
                                  "Africa/Cairo",
                                  "Africa/Casablanca",
                                  "Africa/Johannesburg",
                                  "Asia/Shanghai",
                                  "Asia/Kolkata",
                                  "Asia/Kathmandu",
                                  "Asia/Jerusalem",
                                  "Asia/Beirut",
                                  "Asia/Gaza",
                                  "Asia/Tehran",
                                  "Asia/Tokyo",
                                  "Australia/Sydney",
                                  "Australia/Lord_Howe",
                                  "Australia/Adelaide",
                                  "Australia/Brisbane",
                                  "Pacific/Auckland",
                                  "Pacific/Chatham",
                                  "Pacific/Norfolk",
                                  "Pacific/Apia"};
static_assert(std::size(kZones) == 40);

// TZ is the process's; one test runs in one thread.
class Libc {
 public:
  explicit Libc(const char* zone) {
    const auto* now = std::getenv("TZ");
    if (now != nullptr) before_ = now;
    setenv("TZ", zone, 1);
    tzset();
  }
  ~Libc() {
    if (before_)
      setenv("TZ", before_->c_str(), 1);
    else
      unsetenv("TZ");
    tzset();
  }
  static std::tm at(std::int64_t second) {
    const auto t = static_cast<std::time_t>(second);
    std::tm out{};
    localtime_r(&t, &out);
    return out;
  }

 private:
  std::optional<std::string> before_;
};

struct Rota {
  const char* name;
  int days;  // of a turn
  int hour, minute;
};
// 02:30 lies in the gap and in the doubled hour of most zones that change, 00:00 in those of the
// others.
constexpr Rota kRotas[] = {
    {"daily 02:30", 1, 2, 30}, {"weekly 09:00", 7, 9, 0}, {"daily 00:00", 1, 0, 0}};

// The number of turns begun, minute by minute.
class Oracle {
 public:
  Oracle(const Rota& rota, std::int64_t first_second)
      : rota_(rota), offset_(Libc::at(first_second).tm_gmtoff) {
    const auto shown = first_second + offset_;
    next_ = shown - ((shown % 86400) + 86400) % 86400 + rota.hour * 3600 + rota.minute * 60;
  }
  // -1 before the first handover.
  int turn_at(std::int64_t second) {
    const auto offset = Libc::at(second).tm_gmtoff;
    if (offset > offset_ && next_ >= second + offset_ && next_ < second + offset) {
      jumped_from_ =
          offset_;  // the hour asked for does not come: it counts as if the clocks had not jumped
    }
    offset_ = offset;
    const auto shown = second + (jumped_from_ ? *jumped_from_ : offset);
    if (shown >= next_) {
      ++turn_;
      next_ += rota_.days * 86400;
      jumped_from_.reset();
    }
    return turn_;
  }

 private:
  const Rota rota_;
  std::int64_t offset_;
  std::int64_t next_;  // on the clock, as if it were UTC
  std::optional<std::int64_t> jumped_from_;
  int turn_ = -1;
};

std::string check_year(const char* zone, const Rota& rota) {
  const Libc libc(zone);
  Schedule schedule;
  schedule.name = "s";
  Layer layer;
  layer.name = "l";
  layer.zone = *find_zone(zone);
  layer.turn = rota.days == 1 ? Layer::Turn::kDaily : Layer::Turn::kWeekly;
  layer.users = {{"a"}, {"b"}, {"c"}};
  const auto from = instant_utc({2026, 1, 1});
  const auto first = layer.zone.civil(from);
  layer.start = {first.year, first.month, first.day, rota.hour, rota.minute};
  schedule.layers = {layer};
  const auto to = from + 366 * 24h;
  const auto shifts = resolve(schedule, {}, from, to);
  Oracle oracle(rota, to_ms(from) / 1000);
  std::size_t i = 0;
  for (auto second = to_ms(from) / 1000; second < to_ms(to) / 1000; second += 60) {
    const auto turn = oracle.turn_at(second);
    const auto now = from_ms(second * 1000);
    while (i < shifts.size() && shifts[i].to <= now) ++i;
    const std::string want = turn < 0 ? "" : std::string(1, static_cast<char>('a' + turn % 3));
    const std::string got = i < shifts.size() && shifts[i].from <= now ? shifts[i].users[0] : "";
    if (got != want)
      return std::string(zone) + ", " + rota.name + ", " + format_time(now) + ": " + got +
             " instead of " + want;
  }
  return {};
}

TEST(ScheduleYear, FortyZonesAgreeWithACountOfMinutesByLibc) {
  for (const auto* zone : kZones) {
    for (const auto& rota : kRotas) EXPECT_EQ(check_year(zone, rota), "");
  }
}

}  // namespace
}  // namespace holdfast::respond::oncall
