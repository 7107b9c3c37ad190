"""The table of refused configurations: servers that no machine would find, or not for this version."""

from __future__ import annotations

from tests.refused import row

ITSELF: list[tuple[str, str, str, dict[str, str]]] = [
    *(
        ("aptMirror", f"http://{host}/debian", host, {"aptMirror": f"http://{host}/debian"})
        for host in ("localhost", "127.0.0.1", "127.9.9.9", "0.0.0.0", "0.1.2.3", "mirror.localhost", "ip6-localhost")
    ),
    (
        *("aptMirrorKey", "http://localhost:80/k", "localhost"),
        {"aptMirror": "http://mirror.example", "aptMirrorKey": "http://localhost:80/k"},
    ),
    (
        *("kubernetesAptRepository", "http://127.0.0.1/v1.37/", "127.0.0.1"),
        {"kubernetesAptRepository": "http://127.0.0.1/v1.37/"},
    ),
    (
        *("imageMirrors.docker.io", "http://localhost:5000", "localhost"),
        {"imageMirrors": '{"docker.io": "http://localhost:5000"}'},
    ),
    *(
        ("webServerImage", f"{host}:5000/a/b:1", host, {"webServerImage": f"{host}:5000/a/b:1"})
        for host in ("ip6-loopback", "127.9.9.9")
    ),
    ("webServerImage", "localhost:5000/a/b:1", "localhost", {"webServerImage": "localhost:5000/a/b:1"}),
    ("webServerImage", "127.0.0.1:5000/b:1", "127.0.0.1", {"webServerImage": "127.0.0.1:5000/b:1"}),
]

OWN: list[tuple[str, str, str, dict[str, str]]] = [
    *(
        ("aptMirror", f"http://{host}:3142/debian", host, {"aptMirror": f"http://{host}:3142/debian"})
        for host in ("10.17.3.11", "10.17.3.21", "10.17.3.22", "worker-1", "control-plane-1")
    ),
    (
        *("kubernetesAptRepository", "http://10.17.3.21/v1.37/", "10.17.3.21"),
        {"kubernetesAptRepository": "http://10.17.3.21/v1.37/"},
    ),
    (
        *("imageMirrors.docker.io", "http://10.17.3.11:5000", "10.17.3.11"),
        {"imageMirrors": '{"docker.io": "http://10.17.3.11:5000"}'},
    ),
    (
        *("imageMirrors.docker.io", "http://Worker-2:5000", "worker-2"),
        {"imageMirrors": '{"docker.io": "http://Worker-2:5000"}'},
    ),
    *(
        ("webServerImage", f"{host}:5000/a/b:1", host, {"webServerImage": f"{host}:5000/a/b:1"})
        for host in ("10.17.3.21", "worker-1")
    ),
]

BRIDGE: list[tuple[str, str, str, str, str, dict[str, str]]] = [
    *(
        (
            *("aptMirror", f"http://{host}:3142/debian", host, "172.17.0.0/16", "10.17.3.1"),
            {"aptMirror": f"http://{host}:3142/debian"},
        )
        for host in ("172.17.0.1", "172.17.255.254")
    ),
    (
        *("imageMirrors.docker.io", "http://172.17.0.1:5000", "172.17.0.1", "172.17.0.0/16", "10.17.3.1"),
        {"imageMirrors": '{"docker.io": "http://172.17.0.1:5000"}'},
    ),
    (
        *("webServerImage", "172.18.0.1:5000/a/b:1", "172.18.0.1", "172.18.0.0/16", "172.17.3.1"),
        {"webServerImage": "172.18.0.1:5000/a/b:1", "networkCidr": "172.17.3.0/24"},
    ),
]

SOURCES = [
    *(
        row(
            f"- {key} = '{value}' is refused: {host} is a machine of this cluster, which is no such server. "
            "Way out: where this host is meant, write its address there: 10.17.3.1",
            **overrides,
        )
        for key, value, host, overrides in OWN
    ),
    *(
        row(
            f"- {key} = '{value}' is refused: inside a machine, {host} is the machine itself. "
            "Way out: where this host is meant, write its address there: 10.17.3.1",
            **overrides,
        )
        for key, value, host, overrides in ITSELF
    ),
    row(
        "- networkCidr = '10.17.3.0/28' is refused: it is too small for 3 machines. Way out: take a /24\n"
        "- aptMirror = 'http://localhost/debian' is refused: inside a machine, localhost is the machine itself. "
        "Way out: where this host is meant, write its address there: the first of networkCidr",
        networkCidr="10.17.3.0/28",
        aptMirror="http://localhost/debian",
    ),
    *(
        row(
            f"- aptMirror = 'http://{host}/debian' is refused: {host} is the address of no single server. "
            "Way out: correct the address",
            aptMirror=f"http://{host}/debian",
        )
        for host in ("224.0.0.1", "239.1.2.3", "255.255.255.255", "10.17.3.0", "10.17.3.255")
    ),
    row(
        "- imageMirrors.docker.io = 'http://10.244.1.5:5000' is refused: 10.244.1.5 is in podCidr 10.244.0.0/16, so "
        "the machines would look for it inside the cluster. Way out: choose another podCidr, or another server",
        imageMirrors='{"docker.io": "http://10.244.1.5:5000"}',
    ),
    row(
        "- webServerImage = '10.96.1.5:5000/a/b:1' is refused: 10.96.1.5 is in serviceCidr 10.96.0.0/12, so the "
        "machines would look for it inside the cluster. Way out: choose another serviceCidr, or another server",
        webServerImage="10.96.1.5:5000/a/b:1",
    ),
    row(
        "- kubernetesAptRepository = 'http://a/v1.36/deb' is refused: it is that of Kubernetes 1.36, and "
        "kubernetesVersion is 1.37.2. Way out: take that of v1.37, or another kubernetesVersion",
        kubernetesAptRepository="http://a/v1.36/deb",
    ),
    row(
        "- kubernetesAptRepository = 'http://a/core:/stable:/v1.37' is refused: it is that of Kubernetes 1.37, and "
        "kubernetesVersion is 1.36.4. Way out: take that of v1.36, or another kubernetesVersion",
        kubernetesAptRepository="http://a/core:/stable:/v1.37",
        kubernetesVersion="1.36.4",
    ),
    *(
        row(
            f"- webServerImage = '{hub}/library/nginx:1.26.3' is refused: images call {hub} docker.io, and so do "
            f"imageMirrors. Way out: write docker.io instead of {hub}",
            webServerImage=f"{hub}/library/nginx:1.26.3",
        )
        for hub in ("hub.docker.com", "index.docker.io", "registry-1.docker.io")
    ),
    *(
        row(
            f"- webServerImage = '{hub}/library/nginx:1.26.3' is refused: images call {hub} docker.io, and so do "
            f"imageMirrors. Way out: write docker.io instead of {hub}",
            webServerImage=f"{hub}/library/nginx:1.26.3",
        )
        for hub in ("docker.io:443", "index.docker.io:443")
    ),
    *(
        row(
            f"- {key} = '{value}' is refused: {host} is in {bridge}, which Docker gives to its own bridge on every "
            f"node. Way out: where this host is meant, write its address there: {own}; or set containerRuntime to "
            "containerd",
            **overrides,
        )
        for key, value, host, bridge, own, overrides in BRIDGE
    ),
    *(
        row(
            f"- {key} = '{url}' is refused: apt alone puts something else for $(ARCH) and its like. "
            "Way out: write out what it stands for",
            **{key: url},
        )
        for key, url in (
            ("aptMirror", "http://a/$(ARCH)"),
            ("aptMirror", "http://a/%24(ARCH)"),
            ("aptMirror", "http://a/$%28ARCH)"),
            ("kubernetesAptRepository", "http://a/v1.37/$(ARCH)/deb"),
        )
    ),
    *(
        row(
            f"- {key} = '{url}' is refused: apt reads {escape} as a control character. Way out: leave it out",
            **{key: url},
        )
        for key, url, escape in (
            ("aptMirror", "http://a/b%0Ac", "%0A"),
            ("aptMirror", "http://a/%20/%00", "%00"),
            ("kubernetesAptRepository", "http://a/v1.37/%1b/%7f", "%1b"),
        )
    ),
    *(
        row(
            f"- {key} = '{url[:80]}{'…' * (len(url) > 80)}' is refused: apt names its files after it, where each of "
            f"! $ % & * = @ _ ~ takes three bytes, and that makes {size} of 155. "
            "Way out: give the server a shorter name or path, for example by a redirection",
            **{key: url},
        )
        for key, url, size in (
            ("aptMirror", f"http://a/{'b' * 153}", 156),
            ("aptMirror", f"http://mirror.example/{'_' * 46}bb", 156),
            ("aptMirror", f"http://mirror.example/{'%41' * 140}", 156),
            ("kubernetesAptRepository", f"https://mirror.example/{'%20' * 46}/a/", 156),
        )
    ),
]
