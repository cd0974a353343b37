"""What kustomize makes of every overlay and component is what Kubernetes takes, and has the habits of a good guest."""

import os
import re
import shutil
import subprocess
import sys
import tempfile
import tomllib
import unittest
from pathlib import Path
from urllib.parse import urlsplit

import kubernetes_validate
import yaml

REPOSITORY = Path(__file__).resolve().parents[2]
MANIFESTS = REPOSITORY / "docker/kubernetes"
VERSION = "1.33"
OVERLAYS = ("single", "split", "replicated")
WORKLOADS = ("Deployment", "StatefulSet")
# Of an operator, so there is no published schema of it.
UNKNOWN = {"ServiceMonitor"}
# Requests and encoders have so long each to end (DRAIN in src/app.rs).
DRAIN_SECONDS = 2 * 8


def kustomize():
    """The one of kubectl, the one of the machine, or the one beside this Python."""
    if shutil.which("kubectl"):
        return ["kubectl", "kustomize"]
    return [shutil.which("kustomize") or Path(sys.executable).parent / "kustomize", "build"]


def render(directory):
    command = kustomize()
    ran = subprocess.run([*command, directory], capture_output=True, text=True, check=False)
    assert ran.returncode == 0, ran.stderr
    return [document for document in yaml.safe_load_all(ran.stdout) if document]


def with_components(overlay, components):
    """The overlay as its user may change it."""
    with tempfile.TemporaryDirectory() as directory:
        path = lambda target: os.path.relpath(MANIFESTS / target, os.path.realpath(directory))
        kustomization = {
            "apiVersion": "kustomize.config.k8s.io/v1beta1",
            "kind": "Kustomization",
            "resources": [path(f"overlays/{overlay}")],
            "components": [path(f"components/{component}") for component in components],
        }
        Path(directory, "kustomization.yaml").write_text(yaml.safe_dump(kustomization), encoding="utf-8")
        return render(directory)


def of_kind(objects, kind):
    return {document["metadata"]["name"]: document for document in objects if document["kind"] == kind}


def workloads(objects, kinds=WORKLOADS):
    return {name: workload for kind in kinds for name, workload in of_kind(objects, kind).items()}


def containers(objects, kinds=WORKLOADS):
    for workload in workloads(objects, kinds).values():
        pod = workload["spec"]["template"]["spec"]
        for container in pod["containers"]:
            yield pod, container


def secrets(objects):
    """Key and name of what is read."""
    for pod, container in containers(objects):
        for variable in container.get("env", []):
            if reference := variable.get("valueFrom", {}).get("secretKeyRef"):
                yield reference["key"], reference["name"]
        for volume in pod.get("volumes", []):
            if secret := volume.get("secret"):
                yield from ((item["key"], secret["secretName"]) for item in secret["items"])


def told_secrets():
    """Key and name of each secret that docs/containers.md tells the reader to create."""
    document = (REPOSITORY / "docs/containers.md").read_text(encoding="utf-8")
    command = re.search(r"kubectl create secret generic (\S+)((?:[^\n]*\\\n)*[^\n]*)", document)
    name, literals = command.groups()
    return {(key, name) for key in re.findall(r"--from-literal=([\w-]+)=", literals)}


PLAIN = {overlay: render(MANIFESTS / "overlays" / overlay) for overlay in OVERLAYS}
EVERYWHERE = ["ingress", "servicemonitor", "pull-secret"]
ALL = {
    **PLAIN,
    "single with components": with_components("single", EVERYWHERE),
    "split with components": with_components("split", EVERYWHERE),
    "replicated with components": with_components("replicated", [*EVERYWHERE, "autoscale", "egress-metric"]),
    "single with webrtc": with_components("single", ["webrtc"]),
    "replicated with webrtc": with_components("replicated", ["webrtc"]),
}


class Habits:
    """What holds for all; a case of it for each follows."""

    objects: list

    def test_kubernetes_takes_them(self):
        for document in self.objects:
            if document["kind"] not in UNKNOWN:
                kubernetes_validate.validate(document, VERSION, strict=True)

    def test_pods_have_no_rights(self):
        for pod, container in containers(self.objects):
            context = pod["securityContext"]
            self.assertTrue(context["runAsNonRoot"] and context["runAsUser"] > 0)
            self.assertEqual(context["seccompProfile"], {"type": "RuntimeDefault"})
            self.assertFalse(pod["automountServiceAccountToken"])
            own = container["securityContext"]
            self.assertEqual(own["capabilities"], {"drop": ["ALL"]})
            self.assertTrue(own["readOnlyRootFilesystem"])
            self.assertFalse(own["allowPrivilegeEscalation"])
            for volume in pod.get("volumes", []):
                self.assertNotIn("hostPath", volume)
                self.assertIn("sizeLimit", volume.get("emptyDir", {"sizeLimit": None}))

    def test_probes_differ(self):
        for _, container in containers(self.objects):
            startup, live, ready = (container[f"{kind}Probe"] for kind in ("startup", "liveness", "readiness"))
            self.assertNotEqual(live["httpGet"]["path"], ready["httpGet"]["path"])
            self.assertNotEqual(startup, live)
            patience = startup["periodSeconds"] * startup["failureThreshold"]
            self.assertGreaterEqual(patience, 30)

    def test_resources_are_asked_for(self):
        for _, container in containers(self.objects):
            resources = container["resources"]
            self.assertEqual(set(resources["requests"]), {"cpu", "memory"})
            self.assertEqual(set(resources["limits"]), {"memory"}, "a limit of the processor makes streams late")

    def test_an_end_has_the_time_that_it_takes(self):
        for pod, container in containers(self.objects, ["Deployment"]):
            pause = container["lifecycle"]["preStop"]["sleep"]["seconds"]
            self.assertGreater(pod["terminationGracePeriodSeconds"], pause + DRAIN_SECONDS)

    def test_ports_volumes_and_selectors_lead_somewhere(self):
        templates = [workload["spec"]["template"] for workload in workloads(self.objects).values()]
        for service in of_kind(self.objects, "Service").values():
            chosen = [t for t in templates if service["spec"]["selector"].items() <= t["metadata"]["labels"].items()]
            self.assertEqual(len(chosen), 1, service["metadata"]["name"])
            ports = {p["name"] for c in chosen[0]["spec"]["containers"] for p in c["ports"]}
            self.assertLessEqual({port["targetPort"] for port in service["spec"]["ports"]}, ports)
        stateful = of_kind(self.objects, "StatefulSet").values()
        claims = {claim["metadata"]["name"] for one in stateful for claim in one["spec"]["volumeClaimTemplates"]}
        for pod, container in containers(self.objects):
            volumes = {volume["name"]: volume for volume in pod.get("volumes", [])}
            self.assertLessEqual({mount["name"] for mount in container["volumeMounts"]}, {*volumes, *claims})
            named = {volume["configMap"]["name"] for volume in volumes.values() if "configMap" in volume}
            self.assertLessEqual(named, set(of_kind(self.objects, "ConfigMap")))
            ports = {port["name"] for port in container["ports"]}
            for kind in ("startup", "liveness", "readiness"):
                self.assertIn(container[f"{kind}Probe"]["httpGet"]["port"], ports)

    def test_each_workload_is_fenced(self):
        for name, workload in workloads(self.objects).items():
            labels = workload["spec"]["template"]["metadata"]["labels"]
            self.assertEqual(workload["spec"]["selector"]["matchLabels"], labels)
            policy = of_kind(self.objects, "NetworkPolicy")[name]["spec"]
            self.assertEqual(policy["podSelector"]["matchLabels"], labels)
            self.assertEqual(set(policy["policyTypes"]), {"Ingress", "Egress"})

    def test_each_deployment_is_spread_and_guarded(self):
        for name, deployment in of_kind(self.objects, "Deployment").items():
            labels = deployment["spec"]["template"]["metadata"]["labels"]
            spread = deployment["spec"]["template"]["spec"]["topologySpreadConstraints"]
            self.assertTrue(all(one["labelSelector"]["matchLabels"] == labels for one in spread) and len(spread) == 2)
            budget = of_kind(self.objects, "PodDisruptionBudget")[name]["spec"]
            self.assertEqual(budget["selector"]["matchLabels"], labels)

    def test_images_are_pinned(self):
        version = tomllib.loads((REPOSITORY / "Cargo.toml").read_text(encoding="utf-8"))["package"]["version"]
        for _, container in containers(self.objects):
            name, _, tag = container["image"].rpartition(":")
            self.assertEqual(tag, "2" if name == "nats" else version)

    def test_secrets_are_told_of_and_not_shipped(self):
        self.assertEqual(of_kind(self.objects, "Secret"), {})
        self.assertLessEqual(set(secrets(self.objects)), told_secrets())


def case(name):
    return type(name, (Habits, unittest.TestCase), {"objects": ALL[name]})


globals().update({name: case(name) for name in ALL})


class Together(unittest.TestCase):
    def test_a_mistake_is_not_taken(self):
        deployment = of_kind(PLAIN["single"], "Deployment")["barstone"]
        wrong = {**deployment, "spec": {**deployment["spec"], "replica": 2}}
        with self.assertRaises(kubernetes_validate.ValidationError):
            kubernetes_validate.validate(wrong, VERSION, strict=True)

    def test_replicas_are_several_unless_an_autoscaler_counts(self):
        for name, deployment in of_kind(PLAIN["replicated"], "Deployment").items():
            self.assertEqual(deployment["spec"]["replicas"], 2, name)
        scaled = ALL["replicated with components"]
        for name, deployment in of_kind(scaled, "Deployment").items():
            self.assertNotIn("replicas", deployment["spec"])
            self.assertEqual(of_kind(scaled, "HorizontalPodAutoscaler")[name]["spec"]["minReplicas"], 2)
        metrics = of_kind(scaled, "HorizontalPodAutoscaler")["barstone"]["spec"]["metrics"]
        self.assertEqual([metric["type"] for metric in metrics], ["Resource", "Pods"])

    def test_every_secret_that_is_told_of_is_read(self):
        self.assertEqual(set(secrets(PLAIN["replicated"])), told_secrets())

    def test_viewers_come_by_ipv4_and_ipv6(self):
        for objects in ALL.values():
            self.assertEqual(of_kind(objects, "Service")["barstone"]["spec"]["ipFamilyPolicy"], "PreferDualStack")

    def test_viewers_reach_webrtc_on_the_node(self):
        for overlay in ("single", "replicated"):
            objects = ALL[f"{overlay} with webrtc"]
            container = of_kind(objects, "Deployment")["barstone"]["spec"]["template"]["spec"]["containers"][0]
            variables = {variable["name"]: variable for variable in container["env"]}
            self.assertEqual(variables["BARSTONE_WEBRTC_LISTEN"]["value"], "[::]:8189")
            address = variables["BARSTONE_WEBRTC_ADDRESSES"]["valueFrom"]
            self.assertEqual(address, {"fieldRef": {"fieldPath": "status.hostIP"}})
            ports = {port["name"]: port for port in container["ports"]}
            admitted = [rule["ports"] for rule in of_kind(objects, "NetworkPolicy")["barstone"]["spec"]["ingress"]]
            for protocol in ("UDP", "TCP"):
                port = ports[f"webrtc-{protocol.lower()}"]
                self.assertEqual((port["containerPort"], port["hostPort"], port["protocol"]), (8189, 8189, protocol))
                self.assertIn({"port": port["name"], "protocol": protocol}, admitted[-1])
        for objects in PLAIN.values():
            for _, container in containers(objects):
                variables = {variable["name"]: variable.get("value") for variable in container.get("env", [])}
                self.assertEqual(variables.get("BARSTONE_WEBRTC_LISTEN", ""), "")

    def test_openshift_chooses_users_and_groups(self):
        for overlay in OVERLAYS:
            for pod, _ in containers(with_components(overlay, ["openshift"])):
                self.assertEqual(set(pod["securityContext"]), {"runAsNonRoot", "seccompProfile"})

    def test_secrets_of_a_registry_are_named_where_wanted(self):
        for overlay in OVERLAYS:
            for pod, _ in containers(PLAIN[overlay]):
                self.assertNotIn("imagePullSecrets", pod)
            for pod, _ in containers(ALL[f"{overlay} with components"]):
                self.assertEqual(pod["imagePullSecrets"], [{"name": "registry"}])


class Store(unittest.TestCase):
    """What replicas share, and nobody else."""

    objects = PLAIN["replicated"]
    servers = of_kind(objects, "Deployment")["barstone"]["spec"]
    container = servers["template"]["spec"]["containers"][0]
    variables = {variable["name"]: variable.get("value") for variable in container["env"]}
    url = urlsplit(variables["BARSTONE_STORE"])
    service = of_kind(objects, "Service")[url.hostname]["spec"]
    store = of_kind(objects, "StatefulSet")[url.hostname]["spec"]
    keeper = store["template"]["spec"]["containers"][0]

    def test_it_is_where_servers_look(self):
        # What NATS listens to, and is asked at, where no port is said.
        self.assertEqual((self.url.port, self.service["ports"][0]["port"]), (None, 4222))
        self.assertEqual(self.store["serviceName"], self.url.hostname)

    def test_it_wants_the_password_that_servers_send(self):
        args = self.keeper["args"]
        self.assertEqual(args[args.index("--user") + 1], self.url.username)
        self.assertEqual(args[args.index("--pass") + 1], self.url.password)
        ours, its = (
            {variable["name"]: variable.get("valueFrom") for variable in container["env"]}
            for container in (self.container, self.keeper)
        )
        name = re.fullmatch(r"\$\((\w+)\)", self.url.password)[1]
        self.assertEqual(ours[name], its[name])
        self.assertIn("secretKeyRef", ours[name])
        self.assertLess(list(ours).index(name), list(ours).index("BARSTONE_STORE"), "what comes later is not put in")

    def test_it_keeps_what_it_has_on_its_volume(self):
        container = self.keeper
        (mount,), (claim,) = container["volumeMounts"], self.store["volumeClaimTemplates"]
        self.assertEqual(container["args"][:3], ["-js", "-sd", mount["mountPath"]])
        self.assertEqual(mount["name"], claim["metadata"]["name"])

    def test_only_servers_reach_it(self):
        policies = of_kind(self.objects, "NetworkPolicy")
        port = {"port": "nats", "protocol": "TCP"}
        pods = lambda selector: [{"podSelector": {"matchLabels": selector}}]
        fence = policies[self.url.hostname]["spec"]
        self.assertEqual(fence["ingress"], [{"from": pods(self.servers["selector"]["matchLabels"]), "ports": [port]}])
        self.assertNotIn("egress", fence)
        self.assertIn({"to": pods(self.service["selector"]), "ports": [port]}, policies["barstone"]["spec"]["egress"])

    def test_no_stream_is_declared_that_could_not_be_changed_then(self):
        files = [one["data"] for one in of_kind(self.objects, "ConfigMap").values()]
        texts = [data["barstone.toml"] for data in files if "barstone.toml" in data]
        self.assertEqual([tomllib.loads(text).get("streams") for text in texts], [None])


if __name__ == "__main__":
    unittest.main()
