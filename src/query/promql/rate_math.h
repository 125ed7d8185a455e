// query/promql/rate_math.h: how far an increase between samples reaches to the edges of its window.
//
// Purpose     Samples rarely fall on the edges of a window. rate, increase and delta therefore
//             extrapolate what the samples show to the edges: wholly when an edge is within 110 %
//             of the average distance of samples, else by half that distance. A counter is never
//             extrapolated below zero.
// Units       Seconds.
// Threads     Pure.
// Source      Prometheus' extrapolatedRate.
#pragma once

#include <algorithm>
#include <cstddef>

namespace holdfast::query::promql {

struct WindowEdges {
  double sampled = 0;   // between the first and the last sample
  double to_start = 0;  // from the start of the window to the first sample
  double to_end = 0;
};

// The factor by which the increase between samples grows when it is extended to the edges.
inline double extrapolation(WindowEdges edges, std::size_t gaps, double first, double increase,
                            bool bounded_by_zero) {
  constexpr double kReach = 1.1;
  const double average = edges.sampled / static_cast<double>(gaps);
  const double reach = average * kReach;
  if (edges.to_start >= reach) edges.to_start = average / 2;
  if (bounded_by_zero && increase > 0 && first >= 0) {
    edges.to_start = std::min(edges.to_start, edges.sampled * (first / increase));
  }
  if (edges.to_end >= reach) edges.to_end = average / 2;
  return (edges.sampled + edges.to_start + edges.to_end) / edges.sampled;
}

}  // namespace holdfast::query::promql
