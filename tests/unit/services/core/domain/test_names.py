"""Names: those that deceive are refused, those of real people are not."""

import unicodedata

import pytest
from pydantic import TypeAdapter, ValidationError

from scripts import confusables
from services.core.domain import names
from services.core.domain.confusables import CONFUSABLES
from services.core.domain.values import DisplayName

NAME: TypeAdapter[str] = TypeAdapter(DisplayName)

DECEIVING = [
    # what the platform calls its own
    *(
        "CivicForge",
        "Civic Forge",
        "CivicForge Moderator",
        "civicforge support",
        "C i v i c F o r g e",
        "Civic-Forge Team",
    ),
    *(
        "Moderator",
        "MODERATOR",
        "Lena (Moderator)",
        "Moderator Lena",
        "The Moderators",
        "Moderation",
        "m.o.d.e.r.a.t.o.r",
    ),
    *(
        "Admin",
        "admin Lena",
        "Lena, Admin",
        "Administrator",
        "SysAdmin",
        "Webmaster",
        "Support",
        "System",
        "Official",
        "Staff",
    ),
    *(
        "Former member",
        "former member ",
        "FORMER  MEMBER",
        "New member",
        "New-Member",
        "Ehemaliges Mitglied",
        "Ancien membre",
    ),
    *("Moderador", "Mod\u00e9rateur", "Administrador", "Soporte", "\u0639\u0636\u0648 \u0633\u0627\u0628\u0642"),
    # the same in disguise
    *(
        "M0derator",
        "Mod3rator",
        "m0d3r4t0r",
        "Adm1n",
        "@dmin",
        "AdmIn",
        "Adm|n",
        "rnoderator",
        "Mod\u00e9r\u00e4t\u00f6r",
    ),
    *("M\u043ederator", "\u041c\u043ederator", "\u0430dmin", "\u0391dmin", "\u0421ivicForge", "CivicF\u03bfrge"),
    "\uff2d\uff4f\uff44\uff45\uff52\uff41\uff54\uff4f\uff52",
    "\U0001d40c\U0001d428\U0001d41d\U0001d41e\U0001d42b\U0001d41a\U0001d42d\U0001d428\U0001d42b",
    "\u24dc\u24de\u24d3\u24d4\u24e1\u24d0\u24e3\u24de\u24e1",
    *("Mod\u200berator", "Ad\u00admin", "Mode\u0335rator", "A\u0307dmin"),
    # another's name with a letter of another alphabet
    *(
        "Len\u0430 Vogt",
        "\u041bena",
        "P\u0430ul",
        "Al\u0456ce",
        "\u0391nna",
        "Ni\u03bdes",
        "B\u043eb Marley",
        "\u13aaoe",
    ),
    *("\U0001d4db\U0001d4ee\U0001d4f7\U0001d4ea", "\U0001d5ab\U0001d5be\U0001d5c7\U0001d5ba"),
    # nothing, or little more
    *(
        "\u3164\u3164",
        "\u2800\u2800",
        "\u200d\u200d",
        "\u00ad\u00ad",
        "\U000e0041\U000e0042",
        "  ",
        "..",
        "-- --",
        "\u0301\u0302",
    ),
    *("\u202eanel", "A\u2066na", "Z\u0335\u0336\u0337\u0338\u0321\u0322a\u0335\u0336\u0337\u0338\u0321\u0322"),
    # a mark that only the platform gives
    *("Lena \u2713", "Lena \u2705", "\u2611 Lena", "Lena \U0001f6e1", "Lena\u00ae"),
]

REAL = [
    *(
        "Lena Vogt",
        "Zo\u00eb",
        "O\u2019Neill-\u0141o\u015b",
        "Ng",
        "Bj\u00f6rk Gu\u00f0mundsd\u00f3ttir",
        "Jos\u00e9 \u00c1lvarez",
        "Nguy\u1ec5n Th\u1ecb H\u1ed3ng",
    ),
    *(
        "\u0130brahim I\u015f\u0131k",
        "\u0160tefan \u017di\u017eek",
        "Ren\u00e9e d'Arcy",
        "Leo Staff",
        "Amos Root",
        "Team Green",
        "Mary-Jane 2",
        "X \u00c6 A-12",
    ),
    *(
        "Modeste Mussorgsky",
        "Adminah K.",
        "Norma Torma",
        "Newman Ember",
        "Bernard Vverner",
        "Dr. Anna M\u00fcller",
        "Anna & Ben",
        "lena_v",
    ),
    *("Kwame Nkrumah", "Ol\u00fasegun \u1eccb\u00e1sanj\u1ecd", "\ua78b\u012bao", "Ts\u02bcehootsoo\u00ed"),
    # Cyrillic, Greek, Armenian, Georgian
    *(
        "\u0418\u0432\u0430\u043d \u041f\u0435\u0442\u0440\u043e\u0432",
        "\u041e\u043b\u0435\u043d\u0430 \u0406\u0432\u0430\u0449\u0435\u043d\u043a\u043e",
        "\u0421\u043e\u0441\u043e",
        "\u0418\u0432\u0430\u043d Smith",
    ),
    *(
        "\u0393\u03b9\u03ac\u03bd\u03bd\u03b7\u03c2 \u03a0\u03b1\u03c0\u03b1\u03b4\u03cc\u03c0\u03bf\u03c5",
        "\u0531\u0580\u0561\u0574 \u053d\u0561\u0579\u0561\u057f\u0580\u0575\u0561\u0576",
        "\u10dc\u10d8\u10dc\u10dd",
    ),
    # Hebrew, Arabic, Persian, Urdu, Syriac
    *(
        "\u05d9\u05e2\u05dc \u05db\u05d4\u05df",
        "\u05e9\u05c1\u05b8\u05dc\u05d5\u05b9\u05dd",
        "\u0645\u062d\u0645\u062f \u0639\u0644\u064a",
        "\u0641\u0627\u0637\u0650\u0645\u064e\u0629",
        "\u0645\u0634\u0631\u0641 \u062e\u0627\u0646",
    ),
    *(
        "\u0645\u06cc\u200c\u062e\u0648\u0627\u0647\u0645",
        "\u0645\u062d\u0645\u062f \u0632\u06c1\u06cc\u0631",
        "\u0710\u0718\u072a\u0717\u071d",
    ),
    # of India, Sri Lanka, Nepal
    *(
        "\u0928\u093f",
        "\u092a\u094d\u0930\u093f\u092f\u093e \u0936\u0930\u094d\u092e\u093e",
        "\u0995\u09cd\u09b7\u09c1\u09a6\u09bf\u09b0\u09be\u09ae",
        "\u0a17\u0a41\u0a30\u0a2a\u0a4d\u0a30\u0a40\u0a24",
        "\u0aa8\u0abf\u0ab2\u0ac7\u0ab6",
    ),
    *(
        "\u0bae\u0bc1\u0bb0\u0bc1\u0b95\u0ba9\u0bcd",
        "\u0c36\u0c4d\u0c30\u0c40\u0c28\u0c41",
        "\u0c95\u0cc6\u0c82\u0caa\u0cc7\u0c97\u0ccc\u0ca1",
        "\u0d05\u0d35\u0d28\u0d4d\u200d",
        "\u0dc1\u0dca\u200d\u0dbb\u0dd3",
    ),
    # of the east and south-east of Asia
    *(
        "\u674e\u96f7",
        "\u845b\U000e0100\u98fe",
        "\u5c71\u7530 \u592a\u90ce",
        "\u3055\u304f\u3089",
        "\u30de\u30ea\u30a2\u30fbSilva",
        "\uae40\ubbfc\uc218",
        "\u0e2a\u0e21\u0e0a\u0e32\u0e22",
        "\u0e99\u0ec9\u0eb3",
        "\u1019\u1004\u103a\u1038",
        "\u179f\u17bb\u1781",
    ),
    # of Africa and America, and others
    *(
        "\u12a0\u1260\u1260",
        "\u2d30\u2d4e\u2d30\u2d63\u2d49\u2d56",
        "\u07ca\u07df\u07db\u07cf",
        "\u13e3\u13b3\u13a9",
        "\u1403\u14c4\u1483",
        "\u0f56\u0f7c\u0f51\u0f0b",
        "\u1820\u180b\u1821",
    ),
    *("\U0001f469\u200d\U0001f33e Ana", "Ana \U0001f33b", "\u2764\ufe0f Mia", "Omar \u03a9"),
]


@pytest.mark.parametrize("name", DECEIVING, ids=ascii)
def test_a_name_that_deceives_is_refused(name: str) -> None:
    with pytest.raises(ValidationError):
        NAME.validate_python(name)


@pytest.mark.parametrize("name", REAL, ids=ascii)
def test_a_real_name_is_taken_as_it_is(name: str) -> None:
    assert NAME.validate_python(name) == unicodedata.normalize("NFC", name)


def test_there_are_sixty_of_each() -> None:
    assert len(set(DECEIVING)) >= 60
    assert len(set(REAL)) >= 60


def test_blanks_are_made_plain() -> None:
    assert NAME.validate_python("  Lena \u3000\u00a0 Vogt ") == "Lena Vogt"
    with pytest.raises(ValidationError, match="single line"):
        NAME.validate_python("Lena\nVogt")


@pytest.mark.parametrize("name", REAL, ids=ascii)
def test_a_stored_name_can_be_saved_again(name: str) -> None:
    stored = NAME.validate_python(name)
    assert NAME.validate_python(stored) == stored


def test_the_table_of_confusables_is_current() -> None:
    assert confusables.PATH.read_text(encoding="utf-8") == confusables.source()
    assert confusables.table() == CONFUSABLES


def test_a_skeleton_is_its_own() -> None:
    for name in (*DECEIVING, *REAL):
        assert names.skeleton(names.skeleton(name)) == names.skeleton(name)
