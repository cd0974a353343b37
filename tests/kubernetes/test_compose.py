"""The profiles of compose: what runs in each, and the habits of all; and who may run the images."""

import re
import subprocess
import tempfile
import unittest
from pathlib import Path

import yaml

COMPOSE_FILE = Path(__file__).resolve().parents[2] / "docker/compose.yaml"
COMPOSE = yaml.safe_load(COMPOSE_FILE.read_text(encoding="utf-8"))
SERVICES = COMPOSE["services"]
VALIDATOR = Path(__file__).parent / "venv/bin/compose-spec"


def validate(text):
    """Validates a file against the Compose Specification. Returns the messages."""
    with tempfile.TemporaryDirectory() as directory:
        file = Path(directory) / "compose.yaml"
        file.write_text(text, encoding="utf-8")
        ran = subprocess.run([VALIDATOR, file], cwd=directory, capture_output=True, text=True, check=False)
        return ran.stderr


class Compose(unittest.TestCase):
    def test_it_conforms_to_the_specification(self):
        text = COMPOSE_FILE.read_text(encoding="utf-8")
        self.assertEqual(validate(text), "")
        self.assertIn("readonly", validate(text.replace("read_only:", "readonly:")))
        self.assertIn("depends_on", validate(text.replace("condition: service_healthy", "condition: healthy")))

    def test_each_profile_has_one_door(self):
        for profile, names in {
            "one": {"barstone"},
            "split": {"source", "nginx"},
            "replicated": {"barstone-1", "barstone-2", "edge", "nats"},
        }.items():
            services = {name: service for name, service in SERVICES.items() if service["profiles"] == [profile]}
            self.assertEqual(set(services), names)
            ports = [service["ports"] for service in services.values() if "ports" in service]
            webrtc = [f"${{WEBRTC_PORT:-8189}}:${{WEBRTC_PORT:-8189}}/{protocol}" for protocol in ("udp", "tcp")]
            self.assertEqual(ports, [["${PORT:-8080}:8080", *(webrtc if profile == "one" else [])]])

    def test_webrtc_has_the_same_port_inside_and_outside(self):
        inside = SERVICES["barstone"]["environment"]["BARSTONE_WEBRTC_LISTEN"]
        self.assertEqual(inside, "[::]:${WEBRTC_PORT:-8189}")

    def test_monitoring_scrapes_every_server_and_shows_the_dashboard(self):
        names = {name for name, service in SERVICES.items() if service["profiles"] == ["monitoring"]}
        self.assertEqual(names, {"prometheus", "grafana"})
        servers = {n for n, s in SERVICES.items() if s["image"].startswith("barstone") and "edge" not in s["image"]}
        prometheus = yaml.safe_load((COMPOSE_FILE.parent / "prometheus/prometheus.yml").read_text(encoding="utf-8"))
        (scrape,) = prometheus["scrape_configs"]
        self.assertEqual(set(scrape["dns_sd_configs"][0]["names"]), servers)
        provisioning = COMPOSE_FILE.parent / "grafana/provisioning"
        source = yaml.safe_load((provisioning / "datasources/prometheus.yml").read_text(encoding="utf-8"))
        self.assertEqual(source["datasources"][0]["url"], "http://prometheus:9090")
        provider = yaml.safe_load((provisioning / "dashboards/barstone.yml").read_text(encoding="utf-8"))
        directory = provider["providers"][0]["options"]["path"]
        self.assertIn(f"./grafana/barstone.json:{directory}/barstone.json:ro", SERVICES["grafana"]["volumes"])

    def test_services_have_no_rights(self):
        for name, service in SERVICES.items():
            with self.subTest(name):
                self.assertEqual((service["read_only"], service["cap_drop"]), (True, ["ALL"]))
                self.assertIn("no-new-privileges:true", service["security_opt"])
                self.assertNotIn("container_name", service, "a second project would have to share it")

    def test_replicas_are_the_same(self):
        self.assertEqual(SERVICES["barstone-1"], SERVICES["barstone-2"])

    def test_replicas_share_their_store_and_their_secrets(self):
        environment = SERVICES["barstone-1"]["environment"]
        password = "${BARSTONE_STORE_PASSWORD-}"
        self.assertEqual(environment["BARSTONE_STORE"], f"nats://barstone:{password}@nats")
        self.assertIn("nats", SERVICES["barstone-1"]["depends_on"])
        for secret in ("BARSTONE_API_TOKEN", "BARSTONE_VIEWER_KEY"):
            self.assertEqual(environment[secret], f"${{{secret}-}}", "the other profiles need none")
        command = SERVICES["nats"]["command"]
        self.assertEqual(command[-4:], ["--user", "barstone", "--pass", password])
        directory = command[command.index("-sd") + 1]
        self.assertEqual([volume.split(":")[1] for volume in SERVICES["nats"]["volumes"]], [directory])

    def test_what_is_named_is_there(self):
        named = {v.split(":")[0] for s in SERVICES.values() for v in s.get("volumes", []) if not v.startswith("$")}
        files = {name for name in named if name.startswith("./")}
        self.assertEqual(named - files, set(COMPOSE["volumes"]))
        for name in files:
            self.assertTrue((COMPOSE_FILE.parent / name).exists(), name)
        for service in SERVICES.values():
            self.assertLessEqual(set(service.get("depends_on", {})), set(SERVICES))


class Dockerfile(unittest.TestCase):
    """OpenShift runs images as any user, in group 0."""

    TEXT = (COMPOSE_FILE.parent / "Dockerfile").read_text(encoding="utf-8")

    def test_group_0_writes_the_volumes(self):
        made = re.search(r"^RUN install -d -o 10001 -g 0 -m 2775 (.+)$", self.TEXT, re.M)[1].split()
        self.assertLessEqual(set(re.findall(r"^VOLUME (\S+)$", self.TEXT, re.M)), set(made))
        for options in re.findall(r"uid=10001\S*", COMPOSE_FILE.read_text(encoding="utf-8")):
            self.assertIn(",gid=0,mode=2775,", options)

    def test_users_are_numbers(self):
        self.assertEqual(re.findall(r"^USER (.+)$", self.TEXT, re.M), ["10001:0"] * 2)


if __name__ == "__main__":
    unittest.main()
