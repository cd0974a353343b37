"""What kustomize makes of every overlay and component is what Kubernetes takes, and has the habits of a good guest."""

import os
import shutil
import subprocess
import sys
import tempfile
import tomllib
import unittest
from pathlib import Path

import kubernetes_validate
import yaml

REPOSITORY = Path(__file__).resolve().parents[2]
MANIFESTS = REPOSITORY / "docker/kubernetes"
VERSION = "1.33"
OVERLAYS = ("single", "split", "replicated")
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


def containers(objects):
    for deployment in of_kind(objects, "Deployment").values():
        pod = deployment["spec"]["template"]["spec"]
        for container in pod["containers"]:
            yield pod, container


PLAIN = {overlay: render(MANIFESTS / "overlays" / overlay) for overlay in OVERLAYS}
EVERYWHERE = ["ingress", "servicemonitor", "pull-secret"]
ALL = {
    **PLAIN,
    "single with components": with_components("single", EVERYWHERE),
    "split with components": with_components("split", EVERYWHERE),
    "replicated with components": with_components("replicated", [*EVERYWHERE, "autoscale", "egress-metric"]),
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
            for volume in pod["volumes"]:
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
        for pod, container in containers(self.objects):
            pause = container["lifecycle"]["preStop"]["sleep"]["seconds"]
            self.assertGreater(pod["terminationGracePeriodSeconds"], pause + DRAIN_SECONDS)

    def test_ports_volumes_and_selectors_lead_somewhere(self):
        templates = [deployment["spec"]["template"] for deployment in of_kind(self.objects, "Deployment").values()]
        for service in of_kind(self.objects, "Service").values():
            chosen = [t for t in templates if service["spec"]["selector"].items() <= t["metadata"]["labels"].items()]
            self.assertEqual(len(chosen), 1, service["metadata"]["name"])
            ports = {p["name"] for c in chosen[0]["spec"]["containers"] for p in c["ports"]}
            self.assertLessEqual({port["targetPort"] for port in service["spec"]["ports"]}, ports)
        for pod, container in containers(self.objects):
            volumes = {volume["name"]: volume for volume in pod["volumes"]}
            self.assertLessEqual({mount["name"] for mount in container["volumeMounts"]}, set(volumes))
            named = {volume["configMap"]["name"] for volume in volumes.values() if "configMap" in volume}
            self.assertLessEqual(named, set(of_kind(self.objects, "ConfigMap")))
            ports = {port["name"] for port in container["ports"]}
            for kind in ("startup", "liveness", "readiness"):
                self.assertIn(container[f"{kind}Probe"]["httpGet"]["port"], ports)

    def test_each_deployment_is_spread_guarded_and_fenced(self):
        for name, deployment in of_kind(self.objects, "Deployment").items():
            labels = deployment["spec"]["template"]["metadata"]["labels"]
            self.assertEqual(deployment["spec"]["selector"]["matchLabels"], labels)
            spread = deployment["spec"]["template"]["spec"]["topologySpreadConstraints"]
            self.assertTrue(all(one["labelSelector"]["matchLabels"] == labels for one in spread) and len(spread) == 2)
            budget = of_kind(self.objects, "PodDisruptionBudget")[name]["spec"]
            self.assertEqual(budget["selector"]["matchLabels"], labels)
            policy = of_kind(self.objects, "NetworkPolicy")[name]["spec"]
            self.assertEqual(policy["podSelector"]["matchLabels"], labels)
            self.assertEqual(set(policy["policyTypes"]), {"Ingress", "Egress"})

    def test_images_are_pinned(self):
        version = tomllib.loads((REPOSITORY / "Cargo.toml").read_text(encoding="utf-8"))["package"]["version"]
        for _, container in containers(self.objects):
            self.assertEqual(container["image"].rpartition(":")[2], version)

    def test_no_secret_is_shipped(self):
        self.assertEqual(of_kind(self.objects, "Secret"), {})


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

    def test_secrets_of_a_registry_are_named_where_wanted(self):
        for overlay in OVERLAYS:
            for pod, _ in containers(PLAIN[overlay]):
                self.assertNotIn("imagePullSecrets", pod)
            for pod, _ in containers(ALL[f"{overlay} with components"]):
                self.assertEqual(pod["imagePullSecrets"], [{"name": "registry"}])


if __name__ == "__main__":
    unittest.main()
