"""The table of refused configurations: values that are too long to be shown, or for their digits to be counted."""

from __future__ import annotations

from tests.refused import BASE_URL, CHECKSUM, MIRROR, NAME, NGINX, STORAGE, SUM, WEB_IMAGE, row

LONG_VALUES = [
    *(
        row(
            f"- {key} = '{shown}' ({note}) is refused: it {CHECKSUM}. "
            f"Way out: set it with: pulumi config set {place} {SUM}",
            **{key.partition(".")[0]: value if key == place else f'{{"worker-1": {{"imageSha512": "{value}"}}}}'},
        )
        for key, place in (
            ("imageSha512", "imageSha512"),
            ("machines.worker-1.imageSha512", "--path machines.worker-1.imageSha512"),
        )
        for value, shown, note in (
            ("abc", "abc", "3 signs"),
            ("0" * 127, f"{'0' * 80}…", "127 signs"),
            ("0" * 129, f"{'0' * 80}…", "129 signs"),
            ("A" * 128, f"{'A' * 80}…", "sign 1 is LATIN CAPITAL LETTER A"),
            (f"{'0' * 120}O{'0' * 7}", f"{'0' * 80}…", "sign 121 is LATIN CAPITAL LETTER O"),
            (f"{'0' * 120}\u043e{'0' * 7}", f"{'0' * 80}…", "sign 121 is CYRILLIC SMALL LETTER O"),
        )
    ),
    *(
        row(
            f"- {key} = '{value[:80]}…' (sign {len(value)} is {sign}) is refused: it {rule}. "
            f"Way out: set it with: pulumi config set {key} {example}",
            **{key: value},
        )
        for key, rule, example, value, sign in (
            ("storagePath", STORAGE, "/srv/kubernetes", f"/srv/{'a' * 90}~", "TILDE"),
            ("aptMirror", BASE_URL, MIRROR, f"http://a/{'a' * 90}#", "NUMBER SIGN"),
            ("aptMirror", BASE_URL, MIRROR, f"http://a/{'a' * 3000}ä", "LATIN SMALL LETTER A WITH DIAERESIS"),
            ("webServerImage", WEB_IMAGE, NGINX, f"docker.io/a/{'a' * 90}:1/$", "DOLLAR SIGN"),
            ("clusterName", NAME, "k8s", f"{'a' * 90}\u0430", "CYRILLIC SMALL LETTER A"),
        )
    ),
]
