# SPDX-License-Identifier: ISC
#
# The options with which podman(1) runs what a manifest in conf/containers says,
# one a line: "containers.py FILE NAME=PATH...". PATH takes the place of the
# host's directory in the volume that is mounted at NAME. With "--policy FILE":
# the rules in it; with "--alive FILE": the command of the probe.
import sys

import yaml


def of_kubernetes(text):
    documents = {d["kind"]: d for d in yaml.safe_load_all(text)}
    pod = documents["DaemonSet"]["spec"]["template"]["spec"]
    (container,) = pod["containers"]
    security = container["securityContext"]
    sources = {
        v["name"]: v.get("hostPath", {}).get("path") for v in pod["volumes"]
    }
    options = ["--network=none", "--user=%d" % security["runAsUser"]]
    options += ["--env=%(name)s=%(value)s" % e for e in container["env"]]
    for how in "add", "drop":
        options += [
            "--cap-%s=%s" % (how, c) for c in security["capabilities"][how]
        ]
    if security["readOnlyRootFilesystem"]:
        options.append("--read-only")
    if not security["allowPrivilegeEscalation"]:
        options.append("--security-opt=no-new-privileges")
    for field in "seccompProfile", "appArmorProfile":
        if security[field]["type"] == "Unconfined":
            options.append(
                "--security-opt=%s=unconfined" % field[: -len("Profile")].lower()
            )
    volumes = [
        (m["mountPath"], sources[m["name"]], m.get("readOnly", False))
        for m in container["volumeMounts"]
    ]
    alive = container["livenessProbe"]["exec"]["command"]
    return options, volumes, alive, documents["ConfigMap"]["data"]


def of_quadlet(text):
    options, volumes, section = [], [], None
    names = {
        "Environment": "--env",
        "Network": "--network",
        "DropCapability": "--cap-drop",
        "AddCapability": "--cap-add",
    }
    for line in text.splitlines():
        key, _, value = line.partition("=")
        if line.startswith("["):
            section = line
        elif section != "[Container]" or not value or line.startswith("#"):
            continue
        elif key in names:
            options += ["%s=%s" % (names[key], v) for v in value.split()]
        elif key == "Volume":
            source, target, *mode = value.split(":")
            volumes.append((target, source, mode == ["ro"]))
        elif key == "ReadOnly" and value == "true":
            options.append("--read-only")
        elif key == "NoNewPrivileges" and value == "true":
            options.append("--security-opt=no-new-privileges")
        elif key == "SeccompProfile":
            options.append("--security-opt=seccomp=" + value)
        elif key == "PodmanArgs":
            options.append(value)
        elif key == "SecurityLabelDisable" and value == "true":
            options.append("--security-opt=label=disable")
        elif key not in ("Image", "ContainerName"):
            raise SystemExit("what is %s?" % line)
    return options, volumes, None, None


what = sys.argv.pop(1) if sys.argv[1].startswith("--") else None
with open(sys.argv[1], encoding="utf-8") as file:
    read = of_kubernetes if sys.argv[1].endswith(".yml") else of_quadlet
    options, volumes, alive, policy = read(file.read())
if what == "--policy":
    print(policy["kashim.conf"], end="")
elif what == "--alive":
    print("\n".join(alive))
else:
    places = dict(argument.split("=", 1) for argument in sys.argv[2:])
    for target, source, read_only in volumes:
        source = places.pop(target, source)
        options.append(
            "--volume=%s:%s%s" % (source, target, ":ro" if read_only else "")
        )
    if places:
        raise SystemExit("no volume is mounted at %s" % ", ".join(places))
    print("\n".join(options))
