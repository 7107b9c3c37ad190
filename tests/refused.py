"""The table of refused configurations, first part: what each key refuses by itself, and the whole message of it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

PLACES = {
    "machines": "--path machines.worker-2.memory",
    "imageMirrors": "--path 'imageMirrors[\"docker.io\"]'",
}
"""Keys that are set inside, because a text is no object for Pulumi."""
NAMES = {
    "ä": " (sign 1 is LATIN SMALL LETTER A WITH DIAERESIS)",
    "http://ä.example/b": " (sign 8 is LATIN SMALL LETTER A WITH DIAERESIS)",
    "١٢": " (sign 1 is ARABIC-INDIC DIGIT ONE)",
    "1.٣٧.2": " (sign 3 is ARABIC-INDIC DIGIT THREE)",
    "d\u043ecker": " (sign 2 is CYRILLIC SMALL LETTER O)",
    "10.244.0.0\u20444": " (sign 11 is FRACTION SLASH)",
}
"""Of signs that may look like others, by the value that has one."""
HEADING = "The configuration has 1 fault; nothing was made."


@dataclass(frozen=True, kw_only=True)
class Refused:
    """One row. `overrides` are configuration keys as Pulumi hands them to the program."""

    overrides: dict[str, Any]
    line: str

    @property
    def message(self) -> str:
        """The whole message."""
        number = self.line.count("\n") + 1
        return f"{HEADING if number == 1 else HEADING.replace('1 fault', f'{number} faults')}\n{self.line}"

    def __str__(self) -> str:
        """The row's name in pytest's output."""
        return ascii(", ".join(f"{key}={value}" for key, value in self.overrides.items()))[1:60]


def rows(key: str, rule: str, example: str, *values: Any) -> Iterable[Refused]:
    """Rows of values that a key refuses by a rule of its own. A pair is a value and how the message shows it."""
    for each in values:
        value, shown = each if isinstance(each, tuple) else (each, each)
        way_out = f"set it with: pulumi config set {PLACES.get(key, key)} {example}"
        line = f"- {key} = '{shown}'{NAMES.get(shown, '')} is refused: it {rule}. Way out: {way_out}"
        yield Refused(overrides={key: value}, line=line)


def nested(key: str, path: str, rule: str, example: str, *values: str) -> Iterable[Refused]:
    """Rows of values inside an object of two levels, in JSON."""
    outer, _, inner = path.partition(".")
    for value in values:
        shown, way_out = value.strip('"'), f"set it with: pulumi config set --path {key}.{path} {example}"
        line = f"- {key}.{path} = '{shown}' is refused: it {rule}. Way out: {way_out}"
        yield Refused(overrides={key: f'{{"{outer}": {{"{inner}": {value}}}}}'}, line=line)


def row(line: str, **overrides: Any) -> Refused:
    """A row of keys that contradict each other or the world."""
    return Refused(overrides=overrides, line=line)


CPUS = "must be a whole number, 2 to 64, because kubeadm refuses a control plane with less than 2"
MEMORY = "must be a whole number of MiB, 1900 to 1048576, because kubeadm wants 1700 of what the kernel leaves"
ODD = "must be an odd number, because etcd needs a majority, and only 1 is built so far (README, non-goals)"
WORKER_CPUS = "must be a whole number, 1 to 64"
WORKER_MEMORY = "must be a whole number of MiB, 1024 to 1048576"
DISK = "must be a whole number of GiB, 8 to 4096"
WORKERS = "must be a whole number, 1 to 100, because the control plane runs no pods of yours"
NETWORK = "must be an IPv4 network without host bits"
BASE_URL = "must be an http(s) URL without user name and query, or empty"
FILE_URL = "must be an http(s) URL without user name, or empty"
IMAGE = "must be the http(s) URL without user name, or the absolute path without % ? #, of a qcow2 file"
MIRRORS = "must map registries to http(s) URLs without user name and query"
STORAGE = "must be an absolute path of letters, digits and . _ + @ = - without .., 999 at most, or empty"
NAME = "must be 1 to 11 lower-case letters, digits and dashes, a letter first"
MACHINES = "must map names of machines to cpus, memory, diskSize, image or imageSha512, each as for all machines"
VERSION = "must be a whole version X.Y.Z, 1.32.0 or newer"
CHECKSUM = "must be 128 hexadecimal digits in lower case, or empty for a local file"
WEB_IMAGE = "must be a whole image name: registry, path, and tag or sha256 digest"
PORT = "must be a whole number, 30000 to 32767, the range Kubernetes gives to node ports"

AS_IMAGES_BEGIN = "as the names of its images begin, for example docker.io or 10.0.0.5:5000"
SUM = "$(sha512sum FILE | cut -c -128)"
DEBIAN = "/var/lib/libvirt/boot/debian-13.qcow2"
NGINX = "docker.io/library/nginx:1.26.3"
MIRROR = "http://mirror.example/debian"
REPOSITORY = "http://mirror.example/kubernetes/v1.37/deb/"
LONG = "a" * 300
NO_NUMBERS = (
    "",
    "two",
    "1.5",
    "2.0",
    "1e1",
    "0x2",
    "02",
    "+2",
    "1_0",
    "1 0",
    "١٢",
    "true",
    "[2]",
    "9" * 30,
    ("2\x00", "2\\x00"),
)
BAD_URLS = (
    *("mirror.example/debian", "/srv/debian", "file:///srv", "ftp://a/b", "http://", "http:///debian", "http://a:0/b"),
    *("http://a:65536/b", "http://10.0.0.256/b", "http://a/b c", 'http://a/"b"', "http://a/b]", "http://a/b#c"),
    *("http://0x7f000001/b", "http://0x7F.1/b", "http://127.1/b", "http://2130706433/b", "http://0177.0.0.1/b"),
    (f"http://{'a.' * 127}b/c", f"http://{'a.' * 36}a…"),
    *("http://a/%zz", "http://-a/b", "http://ä.example/b", "https//a/b", "http://[::1]/debian", "http://a/$(id)`id`"),
    ("http://a/b\nc", "http://a/b\\nc"),
    ("http://a/b\x00", "http://a/b\\x00"),
    ("http://me:secret@a/b", "http://…@a/b"),
    ("http://me:sec/r@t@a/b", "http://…@a/b"),
    ("me:secret@mirror.example/debian", "…@mirror.example/debian"),
    ("secret@mirror.example/debian", "…@mirror.example/debian"),
    ("http://a/b c?token=secret&d=e", "http://a/b c?token=…&d=…"),
    (f"http://a/{LONG * 10}", f"http://a/{'a' * 71}…"),
)

VALUES = [
    *rows(
        "clusterName",
        NAME,
        "k8s",
        "",
        "Prod",
        "1st",
        "-a",
        "ends-",
        "a/b",
        "a.b",
        "a b",
        "a_b",
        "ä",
        ("a\x00b", "a\\x00b"),
    ),
    *rows("clusterName", NAME, "k8s", "me@home", "a:b@c", ("//a:b@c", "//…@c")),
    *rows("clusterName", NAME, "k8s", "twelve-chars", (LONG, f"{'a' * 80}…"), ("a\nb", "a\\nb")),
    *rows("kubernetesVersion", VERSION, "1.37.2", "1.37", "v1.37.2", "latest", "1.31.9", "2.0.0", "1.37.02", "1.037.2"),
    *rows("kubernetesVersion", VERSION, "1.37.2", "1.37.2-rc.1", "1.37.2+k3s1", "1.37.2.1", "1.٣٧.2", "", "1.37.100"),
    *rows("containerRuntime", "must be docker or containerd", "docker", "cri-o", "Docker", "", "docker containerd"),
    *rows("containerRuntime", "must be docker or containerd", "docker", "d\u043ecker"),
    *rows("podCidr", NETWORK, "10.244.0.0/16", "10.244.0.0\u20444"),
    *rows("podCidr", NETWORK, "10.244.0.0/16", "10.244.0.1/16", "fd00::/48", "lots", "10.244.0.0", "168099840"),
    *rows("podCidr", NETWORK, "10.244.0.0/16", "10.244.0.0/255.255.0.0", "10.244.0.0/16,10.5.0.0/16", "10.0.0/8", ""),
    *rows("serviceCidr", NETWORK, "10.96.0.0/12", "10.96.0.0/33", "10.96.0.0/-1", "10.096.0.0/12", "10.96.0.0 /12"),
    *rows("networkCidr", NETWORK, "10.17.3.0/24", "10.17.3.5/24", "256.0.0.0/24", "10.17.3.0/24/24", "true"),
    *rows("controlPlanes", ODD, "1", "0", "2", "3", "-1", "1.0"),
    *rows("controlPlaneCpus", CPUS, "2", "1", "65", "two"),
    *rows("controlPlaneMemory", MEMORY, "3072", "1899", "1048577", "2G", "2048.0"),
    *rows("workers", WORKERS, "2", "0", "101", "-2", " 3", *NO_NUMBERS),
    *rows("workerCpus", WORKER_CPUS, "2", "0", "65"),
    *rows("workerMemory", WORKER_MEMORY, "2048", "1023", "1048577"),
    *rows("diskSize", DISK, "20", "7", "4097", "20G"),
    *rows("image", IMAGE, DEBIAN, "", "debian.qcow2", "ftp://images.example/debian.qcow2", "http://a", "http://a/b/"),
    *rows(
        "image", IMAGE, DEBIAN, "/", "/srv/", "//server/debian.qcow2", "/srv/a%41", "/srv/a?b", "/srv/a#b", "/srv/.."
    ),
    *rows("image", IMAGE, DEBIAN, ("/a\x00b", "/a\\x00b"), (f"/{LONG}", f"/{'a' * 79}…"), "~/debian.qcow2", "httpd/a"),
    *rows("image", IMAGE, DEBIAN, ("https://me:secret@a/b.qcow2", "https://…@a/b.qcow2"), "file:///srv/debian.qcow2"),
    *rows(
        *("machines", MACHINES, "4096"),
        *("[]", '{"worker-1": 4096}', "worker-1", "null", '{"worker-1": {"a b": 9}}', '{"worker-1": {"": 9}}'),
        *('{"worker-1": null}', '{"worker-1": {}, "worker-1": {}}', '{"worker-1": {}'),
    ),
    *nested("machines", "worker-1.memory", WORKER_MEMORY, "2048", "512", "4096.0", '"4Gi"', "[4096]"),
    *nested("machines", "worker-1.cpus", WORKER_CPUS, "2", "0", "65", "true"),
    *nested("machines", "control-plane-1.memory", MEMORY, "3072", "512", "1023", "1899", "1048577", '"4Gi"'),
    *nested("machines", "control-plane-1.cpus", CPUS, "2", "0", "1", "65"),
    *nested("machines", "worker-2.diskSize", DISK, "20", "7", '"20G"'),
    *nested("machines", "worker-1.image", IMAGE, DEBIAN, '"debian.qcow2"', '"ftp://a/b.qcow2"', "5"),
    *(
        row(
            f"- machines.worker-1.{key} = '9': there is no such key; a machine has cpus, memory, diskSize, "
            f"image, imageSha512.{meant} Remove it with: pulumi config rm --path machines.worker-1.{key}",
            machines=f'{{"worker-1": {{"{key}": 9}}}}',
        )
        for key, meant in (
            ("disk", " Did you mean diskSize?"),
            ("disk_size", " Did you mean diskSize?"),
            ("memroy", " Did you mean memory?"),
            ("zzz", ""),
        )
    ),
    *rows(
        "systemUpgrade", "must be true or false", "true", "maybe", "", "yes", "on", "1", "t", "tRuE", "TRUE", " true"
    ),
    *rows("virtualization", "must be kvm or qemu", "kvm", "xen", "KVM", ""),
    *rows(
        "storagePath", STORAGE, "/srv/kubernetes", "disks", "/srv/my disks", "./disks", "/srv/../etc", "/srv/./disks"
    ),
    *rows("storagePath", STORAGE, "/srv/kubernetes", "/srv//disks", "/srv/a'b", '/srv/a"b', "/srv/$(id)", "/srv/<a>&"),
    *rows("storagePath", STORAGE, "/srv/kubernetes", ("/srv/a\nb", "/srv/a\\nb"), (f"/{LONG}", f"/{'a' * 79}…"), "~/a"),
    *rows("storagePath", STORAGE, "/srv/kubernetes", (f"/srv{'/abcd' * 200}", f"/srv{'/abcd' * 15}/…")),
    *rows("timeoutFactor", "must be a whole number, 1 to 60", "1", "0", "61", "1.5"),
    *rows("aptMirror", BASE_URL, MIRROR, *BAD_URLS, ("http://a/b?c=d", "http://a/b?c=…")),
    *rows("aptMirrorKey", FILE_URL, f"{MIRROR}/archive-key.asc", "/etc/key.asc", ("http://u@a/k", "http://…@a/k")),
    *rows("kubernetesAptRepository", BASE_URL, REPOSITORY, "file:///srv", "http://a/ /"),
    *rows(
        *("imageMirrors", MIRRORS, "http://10.0.0.5:5000"),
        *('["docker.io"]', "{docker.io", "null", '{"docker.io": "http://a"', "5"),
        '{"a.b": "http://a", "a.b": "http://b"}',
        ("[" * 20000, f"{'[' * 80}…"),
    ),
    *(
        row(
            f"- imageMirrors.a.b:5 = '{shown}' is refused: it must be an http(s) URL without user name and query. "
            "Way out: set it with: pulumi config set --path 'imageMirrors[\"a.b:5\"]' http://10.0.0.5:5000",
            imageMirrors=f'{{"docker.io": "http://a", "a.b:5": {value}}}',
        )
        for value, shown in (
            ('"10.0.0.5:5000"', "10.0.0.5:5000"),
            ("5", "5"),
            ("null", "null"),
            ("NaN", "nan"),
            ('""', ""),
            ('["http://a"]', '["http://a"]'),
            ('"http://b?c"', "http://b?c"),
            ('"http://b\\"c"', 'http://b"c'),
            ('"http://b\\nc"', "http://b\\nc"),
            ('"http://me:secret@b"', "http://…@b"),
            ('{"a": "me:secret@b", "c": "//s@d"}', '{"a": "…@b", "c": "//…@d"}'),
        )
    ),
    *(
        row(
            f"- imageMirrors = '{registry}' is refused: no name of an image begins with it, but with a HOST or "
            f"HOST:PORT in lower case. Way out: call it {meant}",
            imageMirrors=f'{{"{registry}": "http://a"}}',
        )
        for registry, meant in (
            *((docker, "docker.io") for docker in ("docker", "Docker.io", "index.docker.io", "registry-1.docker.io")),
            *((docker, "docker.io") for docker in ("docker.io/library", "https://index.docker.io/v1/", "docker.io/")),
            ("https://ghcr.io", "ghcr.io"),
            ("ghcr.io/x", "ghcr.io"),
            ("GHCR.io:443", "ghcr.io:443"),
            *((docker, "docker.io") for docker in ("docker.io:443", "index.docker.io:443", "https://docker.io:443/v2")),
            *((odd, AS_IMAGES_BEGIN) for odd in ("..", ".", "-a", "", "a", "a.b:65536", "256.1.1.1:5000", "1.2:5")),
            *((odd, AS_IMAGES_BEGIN) for odd in (f"{'a' * 64}.b", f"a.{'b' * 64}:5", "0x7f.1:5000", "0x7f000001:5000")),
        )
    ),
    row(
        f"- imageMirrors = '{'a.' * 40}…' is refused: no name of an image begins with it, but with a HOST or HOST:PORT "
        f"in lower case. Way out: call it {AS_IMAGES_BEGIN}",
        imageMirrors=f'{{"{"a." * 125}bcd:5000": "http://a"}}',
    ),
    *rows("webServerImage", WEB_IMAGE, NGINX, "256.1.1.1:5000/a:1", "0x7f.1:5000/a:1", f"{'a' * 64}.b/c:1"),
    *rows("webServerImage", WEB_IMAGE, NGINX, "", "nginx", "nginx:1.26.3", "library/nginx:1", "docker.io/nginx:1"),
    *rows(
        "webServerImage", WEB_IMAGE, NGINX, "docker.io/library/nginx", "docker.io/library/Nginx:1", "docker.io/a//b:1"
    ),
    *rows(
        "webServerImage", WEB_IMAGE, NGINX, "docker.io/library/nginx:", "docker.io/library/nginx:-1", "docker.io/a/-b:1"
    ),
    *rows(
        "webServerImage",
        WEB_IMAGE,
        NGINX,
        "docker.io/a/b@sha256:abc",
        "docker.io/a/b@sha512:abc",
        "http://docker.io/a/b:1",
        "docker.io:0/a:1",
    ),
    *rows(
        "webServerImage",
        WEB_IMAGE,
        NGINX,
        ("docker.io/a/b:" + "1" * 129, f"docker.io/a/b:{'1' * 66}…"),
        ("me:secret@docker.io/x:1", "…@docker.io/x:1"),
        (f"docker.io/x:1@sha256:{'A' * 64}", f"docker.io/x:1@sha256:{'A' * 59}…"),
        (f"me:secret@docker.io/x:1@sha256:{'A' * 64}", f"…@docker.io/x:1@sha256:{'A' * 57}…"),
        "a.b:99999/c:1",
    ),
    *rows("webServerReplicas", "must be a whole number, 1 to 100", "2", "0", "101"),
    *rows("nodePort", PORT, "30080", "29999", "32768", "80", "30080/tcp", "30080.0"),
]
