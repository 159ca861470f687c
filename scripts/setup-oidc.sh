#!/usr/bin/env bash
# Makes what GitHub needs before it can deploy (see infra/bootstrap), and prints the commands that remain.
#
#   scripts/setup-oidc.sh [owner/name | owner@id/name@id]
#
# Needs credentials of the account's administrator, `pulumi`, `aws`, and `gh` where no repository is given. Run again,
# it changes only what is different. The stack's state moves into the bucket that the first run makes.
set -euo pipefail
cd "$(dirname "$0")/.."

repository() {
  # With the ids, which some tokens name: both forms are trusted.
  gh api "repos/$(gh repo view --json nameWithOwner --jq .nameWithOwner)" \
    --jq '"\(.owner.login)@\(.owner.id)/\(.name)@\(.id)"'
}

make .venv/.ready
export PULUMI_CONFIG_PASSPHRASE="" # the stack holds no secret
region=$(sed -n 's/^  aws:region: //p' Pulumi.yaml)
export AWS_REGION=$region AWS_DEFAULT_REGION=$region
account=$(aws sts get-caller-identity --query Account --output text)
bucket="civicforge-bootstrap-state-$account"
remote="s3://$bucket/bootstrap?region=$region"

# A first run that was interrupted has left its state here, and goes on from it.
if [[ ! -d .local/bootstrap ]] && aws s3api head-bucket --bucket "$bucket" 2>/dev/null; then
  export PULUMI_BACKEND_URL="$remote"
else
  mkdir -p .local/bootstrap
  export PULUMI_BACKEND_URL="file://$PWD/.local/bootstrap"
fi

pulumi stack select bootstrap --create --secrets-provider passphrase
pulumi config set repository "${1:-$(repository)}"
pulumi up

if [[ $PULUMI_BACKEND_URL != "$remote" ]]; then
  pulumi stack export --file .local/bootstrap/state.json
  export PULUMI_BACKEND_URL="$remote"
  pulumi stack select bootstrap --create --secrets-provider passphrase
  pulumi stack import --file .local/bootstrap/state.json
  rm -r .local/bootstrap
fi

echo "Now run:"
pulumi stack output next_steps
