#!/usr/bin/env bash
# The long form of the simulation: 1,000 seeds of the stories in at most 60 seconds.
# usage: tests/soak/simulation.sh [SEEDS [FIRST]]
set -euo pipefail
cd "$(dirname "$(readlink -f "$0")")/../.."
./dev build release simulation
exec build/release/bin/simulation --seeds "${1:-1000}" --first "${2:-0}" --seconds-max 60
