"""`python -m infra.review < preview.json`: prints the comment on a preview.

Exit code 0; 1 where the preview itself failed; 3 where data would be lost and `--accept-data-loss` is not given.
"""

import argparse
import sys

from infra.review import comment, exit_code, parse


def main() -> int:
    """Reads a preview from standard input and prints the comment."""
    parser = argparse.ArgumentParser(prog="python -m infra.review", description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--accept-data-loss", action="store_true", help="the pull request has the label for it")
    accepted = parser.parse_args().accept_data_loss
    preview = parse(sys.stdin.read())
    sys.stdout.write(comment(preview, accepted=accepted))
    return exit_code(preview, accepted=accepted)


if __name__ == "__main__":
    sys.exit(main())
