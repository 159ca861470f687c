#!/usr/bin/env bash
# The first hour with an AWS account: bootstrap, then `dev` deployed, changed, previewed, restored, stopped and destroyed as
# its roles (see ops/rehearsal.py). Prints what was denied and what it cost.
#
#   scripts/rehearse.sh           on AWS, with credentials of the account's administrator, `pulumi`, `aws` and `gh`
#   scripts/rehearse.sh --local   the same steps on an emulator of its own
set -euo pipefail
cd "$(dirname "$0")/.."
make .venv/.ready
exec .venv/bin/python -m ops.rehearsal "$@"
