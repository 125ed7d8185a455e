#!/usr/bin/env bash
# Two hundred kills with -9 at random instants of incidents, on the release binary. usage: ./dev soak kills [--kills N] [--seed S]
set -euo pipefail
cd "$(dirname "$(readlink -f "$0")")/../.."
./dev build release holdfast enhancer
exec python3 tests/integration/kills_test.py --bin build/release/bin --kills 200 "$@"
