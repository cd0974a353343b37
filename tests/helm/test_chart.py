"""What Helm renders from the chart is what kustomize renders from the overlays and components, and follows the values."""

import json
import subprocess
import tempfile
import unittest
from pathlib import Path

import kubernetes_validate
import yaml
from test_manifests import OVERLAYS, PLAIN, REPOSITORY, UNKNOWN, VERSION, containers, of_kind, with_components, workloads

CHART = REPOSITORY / "docker/helm/barstone"


def helm(*args, values=None):
    with tempfile.TemporaryDirectory() as directory:
        file = Path(directory, "values.json")
        file.write_text(json.dumps(values or {}), encoding="utf-8")
        command = ["helm", *args, str(CHART), "--values", str(file)]
        return subprocess.run(command, capture_output=True, text=True, check=False)


def template(**values):
    ran = helm("template", "release", "--kube-version", VERSION, values=values)
    assert ran.returncode == 0, ran.stderr
    return [document for document in yaml.safe_load_all(ran.stdout) if document]


def by_name(objects):
    return {(document["kind"], document["metadata"]["name"]): document for document in objects}


class Chart(unittest.TestCase):
    maxDiff = None

    def test_it_renders_each_overlay(self):
        for overlay in OVERLAYS:
            self.assertEqual(by_name(template(overlay=overlay)), by_name(PLAIN[overlay]))

    def test_it_renders_each_component(self):
        for overlay in OVERLAYS:
            for component, values in {
                "ingress": {"ingress": {"enabled": True}},
                "servicemonitor": {"serviceMonitor": {"enabled": True}},
                "pull-secret": {"imagePullSecrets": ["registry"]},
                "openshift": {"openshift": True},
            }.items():
                with self.subTest(overlay=overlay, component=component):
                    rendered = template(overlay=overlay, **values)
                    self.assertEqual(by_name(rendered), by_name(with_components(overlay, [component])))
        for overlay in ("single", "replicated"):
            rendered = template(overlay=overlay, webrtc={"enabled": True})
            self.assertEqual(by_name(rendered), by_name(with_components(overlay, ["webrtc"])))
        for components, values in (
            (["autoscale"], {"enabled": True}),
            (["autoscale", "egress-metric"], {"enabled": True, "egress": True}),
        ):
            rendered = template(overlay="replicated", autoscale=values)
            self.assertEqual(by_name(rendered), by_name(with_components("replicated", components)))

    def test_values_change_the_objects(self):
        objects = template(
            overlay="replicated",
            image={"prefix": "registry.example/tv/", "tag": "1"},
            storeImage="mirror/nats:2",
            replicas=3,
            edgeReplicas=5,
            resources={"edge": {"limits": {"memory": "1Gi"}}},
            podSpec={"nodeSelector": {"disk": "fast"}},
            config="max_viewers = 7\n",
            webrtc={"enabled": True, "address": "tv.example"},
            ingress={"enabled": True, "host": "tv.example", "className": "nginx", "tls": [{"hosts": ["tv.example"]}]},
        )
        for document in objects:
            if document["kind"] not in UNKNOWN:
                kubernetes_validate.validate(document, VERSION, strict=True)
        images = {container["image"] for _, container in containers(objects)}
        self.assertEqual(images, {"registry.example/tv/barstone:1", "registry.example/tv/barstone-edge:1", "mirror/nats:2"})
        deployments = of_kind(objects, "Deployment")
        self.assertEqual({name: one["spec"]["replicas"] for name, one in deployments.items()}, {"barstone": 3, "barstone-edge": 5})
        self.assertTrue(all(pod["nodeSelector"] == {"disk": "fast"} for pod, _ in containers(objects)))
        limits = {container["name"]: container["resources"]["limits"]["memory"] for _, container in containers(objects)}
        self.assertEqual((limits["edge"], limits["barstone"]), ("1Gi", "512Mi"))
        variables = {v["name"]: v.get("value") for _, container in containers(objects) for v in container.get("env", [])}
        self.assertEqual(variables["BARSTONE_WEBRTC_ADDRESSES"], "tv.example")
        (ingress,) = of_kind(objects, "Ingress").values()
        self.assertEqual(ingress["spec"]["rules"][0]["host"], "tv.example")
        self.assertEqual((ingress["spec"]["ingressClassName"], ingress["spec"]["tls"]), ("nginx", [{"hosts": ["tv.example"]}]))

    def test_another_configuration_starts_new_pods(self):
        names = set()
        for config in ("", "max_viewers = 7\n", "max_viewers = 8\n"):
            objects = template(config=config)
            ((name, file),) = of_kind(objects, "ConfigMap").items()
            (deployment,) = workloads(objects).values()
            volumes = {v["name"]: v for v in deployment["spec"]["template"]["spec"]["volumes"]}
            self.assertEqual(volumes["config"]["configMap"]["name"], name)
            self.assertIn(config, file["data"]["barstone.toml"])
            names.add(name)
        self.assertEqual(len(names), 3)

    def test_helm_finds_no_fault(self):
        for overlay in OVERLAYS:
            ran = helm("lint", "--strict", "--kube-version", VERSION, values={"overlay": overlay})
            self.assertEqual(ran.returncode, 0, ran.stdout + ran.stderr)

    def test_a_wrong_value_is_refused(self):
        ran = helm("template", "release", "--kube-version", VERSION, values={"replicas": 2})
        self.assertNotEqual(ran.returncode, 0)
        self.assertIn("replicas", ran.stderr)


if __name__ == "__main__":
    unittest.main()
