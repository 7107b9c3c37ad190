#!/usr/bin/env bash
# Makes an ed25519 key pair and prints it: the private key, then the public key as the last line.
# Runs on the machine that runs Pulumi. Inputs: none. Leaves nothing on disk.
set -euo pipefail

directory=$(mktemp --directory --tmpdir="$([[ -w /dev/shm ]] && echo /dev/shm || echo "${TMPDIR:-/tmp}")")
trap 'rm -rf "$directory"' EXIT

ssh-keygen -q -t ed25519 -N '' -C '' -f "$directory/key"
cat "$directory/key"
# A .pub file ends in a blank where a comment would be.
sed 's/ *$//' "$directory/key.pub"
