// recover/book.h: the healer's durable state, and a change of it on its way to the disk.
//
// Purpose     Book is what is known: faults, remedies, the global stop, each a document of the
//             journal. Draft is a copy that decisions change; it gathers the batch that makes the
//             change durable: an entry for each step in order, a document for the last state of
//             each thing. The draft's book replaces the book only when the batch is on disk.
// Documents   "fault", "remedy" by their ids; "automation" with id "global".
// Limits      Faults are forgotten an hour after they closed, remedies beyond the newest 500 unless
//             their fault is open. The journal's entries keep the history.
// Threads     Values.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "model/operations.h"
#include "state/journal.h"

namespace holdfast::recover {

inline constexpr std::size_t kRemediesRemembered = 500;
inline constexpr Duration kFaultsRemembered = 1h;
inline constexpr std::string_view kGlobal = "global";

struct Book {
  // Shared, so that a draft costs little.
  std::map<std::string, std::shared_ptr<const model::Fault>> faults;
  std::map<std::string, std::shared_ptr<const model::Remedy>> remedies;
  model::Automation automation;

  std::vector<model::Fault> open_faults() const;
  std::vector<const model::Remedy*> remedies_of_service(
      const std::string& service) const;  // oldest first
  std::vector<const model::Remedy*> remedies_of_fault(
      const std::string& fault) const;  // oldest first
};

Result<Book> load_book(state::Journal& journal);

class Draft {
 public:
  explicit Draft(Book book) : book_(std::move(book)) {}

  const Book& book() const { return book_; }
  bool empty() const { return batch_.empty() && documents_.empty(); }

  void put(model::Fault fault);
  void put(model::Remedy remedy);
  void put(model::Automation automation);
  void add(state::Intent intent) { batch_.intent(std::move(intent)); }
  // The remedy in another state, with its reason.
  void move(const std::string& remedy, model::RemedyState state, std::string reason);
  // Drops what is over the limits. Only with a change: forgetting alone is no reason to write.
  void forget(WallTime now);

  state::Batch take_batch();

 private:
  Book book_;
  state::Batch batch_;
  std::map<std::pair<std::string, std::string>, std::string> documents_;  // by kind and id
};

}  // namespace holdfast::recover
