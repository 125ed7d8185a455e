// query/promql/kahan.h: sums that do not lose small terms beside large ones.
//
// Purpose     Compensated summation, term for term as Prometheus does it, so that results agree to
//             the last digits.
// Threads     A value.
// Source      Kahan, with Neumaier's improvement for terms larger than the sum.
#pragma once

#include <cmath>

namespace holdfast::query::promql {

struct Kahan {
  double sum = 0;
  double compensation = 0;

  void add(double term) {
    const double t = sum + term;
    if (std::isinf(t)) {
      compensation = 0;
    } else if (std::abs(sum) >= std::abs(term)) {
      compensation += (sum - t) + term;
    } else {
      compensation += (term - t) + sum;
    }
    sum = t;
  }
  double total() const { return sum + compensation; }
};

// A mean that goes over to updating itself step by step when the plain sum would overflow.
struct KahanMean {
  Kahan sum;
  double count = 0;
  bool incremental = false;
  Kahan mean;

  void add(double term) {
    count += 1;
    if (count == 1) {
      sum.sum = term;
      return;
    }
    if (!incremental) {
      Kahan next = sum;
      next.add(term);
      if (!std::isinf(next.sum)) {
        sum = next;
        return;
      }
      incremental = true;
      mean = {sum.sum / (count - 1), sum.compensation / (count - 1)};
    }
    const double q = (count - 1) / count;
    Kahan next{q * mean.sum, q * mean.compensation};
    next.add(term / count);
    mean = next;
  }
  double value() const {
    if (incremental) return mean.total();
    return sum.sum / count + sum.compensation / count;
  }
};

}  // namespace holdfast::query::promql
