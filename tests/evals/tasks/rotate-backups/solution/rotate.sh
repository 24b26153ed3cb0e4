#!/bin/bash
# Deletes all but the newest backups of a folder.
set -eu
find "$1" -maxdepth 1 -type f -name '*.bak' -printf '%T@ %p\0' |
  sort -zrn | tail -z -n "+$(($2 + 1))" | cut -z -d ' ' -f 2- |
  while IFS= read -r -d '' file; do
    rm -- "$file"
    printf '%s\n' "${file##*/}"
  done
