#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
#
# ec2sim.sh BUILD_DIR: RunInstances a second, with two connections per core.
set -eu

out=$(mktemp)
"$1/ec2sim" --listen 127.0.0.1:0 >"$out" &
sim=$!
trap 'kill $sim; wait $sim; rm -f "$out"' EXIT
until [ -s "$out" ]; do sleep 0.1; done
port=$(sed 's/.*://' "$out")
"$1/tests/bench/simload" "$port" $((2 * $(nproc))) 20000
