"""The chart, without Helm: its files are what kustomize renders, and its schema fits its values. tests/helm renders the chart."""

import json
import re
import tomllib
import unittest

import jsonschema
import yaml
from test_manifests import EVERYWHERE, OVERLAYS, REPOSITORY, with_components

CHART = REPOSITORY / "docker/helm/barstone"


def read(name):
    return (CHART / name).read_text(encoding="utf-8")


class Chart(unittest.TestCase):
    schema = json.loads(read("values.schema.json"))
    values = yaml.safe_load(read("values.yaml"))

    def test_its_files_are_what_kustomize_renders(self):
        for overlay in OVERLAYS:
            components = [one for one in EVERYWHERE if one != "pull-secret"]
            if overlay == "replicated":
                components += ["autoscale", "egress-metric"]
            rendered = list(yaml.safe_load_all(read(f"files/{overlay}.yaml")))
            self.assertEqual(rendered, with_components(overlay, components), "run docker/helm/update.sh")

    def test_its_version_is_that_of_the_program(self):
        chart = yaml.safe_load(read("Chart.yaml"))
        program = tomllib.loads((REPOSITORY / "Cargo.toml").read_text(encoding="utf-8"))["package"]
        self.assertEqual({chart["version"], chart["appVersion"]}, {program["version"]})

    def test_the_schema_has_every_value_and_no_other(self):
        jsonschema.Draft7Validator.check_schema(self.schema)
        jsonschema.validate(self.values, self.schema)
        self.assertEqual(set(self.schema["properties"]) - {"global"}, set(self.values))

    def test_the_documentation_lists_every_value(self):
        text = (REPOSITORY / "docs/containers.md").read_text(encoding="utf-8")
        _, _, table = text.partition("| value | default | meaning |")
        rows = re.findall(r"^\| (`.*?) \|", table.partition("\n\n")[0], re.M)
        listed = {name.partition(".")[0] for row in rows for name in re.findall(r"`(.+?)`", row)}
        self.assertEqual(set(self.values) - listed, set())

    def test_the_schema_refuses_what_the_chart_cannot_do(self):
        for wrong in (
            {"overlay": "many"},
            {"replica": 2},
            {"replicas": 2},
            {"autoscale": {"enabled": True}},
            {"image": {"prefix": "registry"}},
            {"resources": {"barstone": {}, "other": {}}},
            {"overlay": "split", "webrtc": {"enabled": True}},
        ):
            with self.subTest(wrong), self.assertRaises(jsonschema.ValidationError):
                jsonschema.validate({**self.values, **wrong}, self.schema)
        jsonschema.validate({**self.values, "overlay": "replicated", "replicas": 5}, self.schema)


if __name__ == "__main__":
    unittest.main()
