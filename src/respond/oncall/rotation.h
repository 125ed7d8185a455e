// respond/oncall/rotation.h: the turns of one layer, before layers are laid over each other.
//
// Threads     Pure.
#pragma once

#include <cstdint>
#include <set>
#include <string>
#include <vector>

#include "respond/oncall/schedule.h"

namespace holdfast::respond::oncall {

struct Piece {
  WallTime from{}, to{};
  std::vector<std::string> users;
  int level = 0;
  std::int64_t turn = 0;
  const Layer* layer = nullptr;  // null: an override
  const Override* override = nullptr;
};

// Where turn `index` begins. For rotations only.
WallTime turn_begin(const Layer& layer, std::int64_t index);
// The people of a turn; empty when the layer has none.
const std::vector<std::string>& turn_users(const Layer& layer, std::int64_t index);

// The pieces of the layer that touch [from, to), in order, cut to it, to `until`, and to the layer's windows.
std::vector<Piece> pieces_of(const Layer& layer, const std::set<std::int64_t>& holidays,
                             WallTime from, WallTime to);

}  // namespace holdfast::respond::oncall
