#!/bin/sh
# Fetches the chart library that is kept beside this script: uPlot 1.6.32
# (https://github.com/leeoniya/uPlot, MIT), as published on npm.
set -eu
cd "$(dirname "$0")"
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
npm pack --silent --pack-destination "$tmp" uplot@1.6.32 >/dev/null
echo "4b8a8191e425658e3ea8c8c1314b0fc679c861ee3a1af2b20c7b16ba50b5133d  $tmp/uplot-1.6.32.tgz" | sha256sum -c - >/dev/null
tar -xzf "$tmp/uplot-1.6.32.tgz" -C "$tmp"
cp "$tmp/package/dist/uPlot.iife.min.js" "$tmp/package/dist/uPlot.min.css" .
cp "$tmp/package/LICENSE" uPlot.LICENSE
