"""Pages for documents that are not in the bucket: an unknown quest, one that was taken away or is not published yet."""

from typing import Final

from services.core.names import HOME_KEY
from services.core.routes import MISSING_DOCUMENTS

_HOME: Final = f"GET /{HOME_KEY}"
ROUTE_KEYS: Final = frozenset(route.key for route in MISSING_DOCUMENTS)
_SHELL: Final = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>{title}</title>
<link rel="stylesheet" href="/app.css">
<script type="module" src="/app.js"></script>
<link rel="icon" href="/icon.svg" type="image/svg+xml">
<link rel="manifest" href="/manifest.webmanifest">
</head>
<body>
<div id="app"><div class="shell"><main id="main" tabindex="-1"><div class="stack">{main}</div></main></div></div>
</body>
</html>
"""
_NO_QUEST: Final = _SHELL.format(
    title="No such quest \u00b7 CivicForge",
    main="""<h1>No such quest</h1>
<p>Nothing is here for everybody to see. The quest may have been withdrawn.</p>
<p><a href="/">See the open quests</a></p>""",
)
_NO_HOME: Final = _SHELL.format(title="CivicForge", main="<h1>CivicForge</h1>")


def answer(route_key: str) -> tuple[int, str]:
    """Status and HTML for a document that the bucket lacks.

    The home page is always there, if without its cards. The app starts on each: a party of a quest that is hidden
    from others sees it.
    """
    return (200, _NO_HOME) if route_key == _HOME else (404, _NO_QUEST)
