"""The workflow of a release: its scripts, run with programs that write down their arguments, and the files of a release."""

import os
import re
import subprocess
import tempfile
import unittest
from pathlib import Path

import yaml
from test_manifests import REPOSITORY
from test_versions import VERSION

WORKFLOW = yaml.safe_load((REPOSITORY / ".github/workflows/ci.yaml").read_text(encoding="utf-8"))
JOBS = WORKFLOW["jobs"]
IMAGES = ("barstone", "barstone-source", "barstone-edge")
DOCKER = """#!/bin/sh
echo "$@" >>docker.log
case $3 in inspect) echo "sha256:$(echo "$6" | sha256sum | cut -d ' ' -f 1)" ;; esac
"""


def step(job, name):
    (found,) = [one for one in JOBS[job]["steps"] if one.get("name") == name]
    return found


class Workflow(unittest.TestCase):
    def setUp(self):
        directory = tempfile.TemporaryDirectory()
        self.addCleanup(directory.cleanup)
        self.directory = Path(directory.name)
        docker = self.directory / "docker"
        docker.write_text(DOCKER, encoding="utf-8")
        docker.chmod(0o755)

    def run_step(self, job, name, tag=f"v{VERSION}", **env):
        """Runs a step as the runner does. Expressions in scripts are only those of the matrix."""
        script = step(job, name)["run"].replace("${{ matrix.architecture }}", "amd64")
        self.assertNotIn("${{", script)
        environment = {
            "PATH": f"{self.directory}:{os.environ['PATH']}",
            "GITHUB_REF_NAME": tag,
            "GITHUB_SHA": "0" * 40,
            "GITHUB_OUTPUT": str(self.directory / "output"),
            **env,
        }
        return subprocess.run(["bash", "-e", "-c", script], cwd=self.directory, env=environment, capture_output=True, text=True, check=False)

    def asked(self):
        return (self.directory / "docker.log").read_text(encoding="utf-8").splitlines()

    def test_a_tag_gives_images_three_names(self):
        ran = self.run_step("publish", "One name for both architectures", PREFIX="host/path")
        self.assertEqual(ran.returncode, 0, ran.stderr)
        created = [line for line in self.asked() if " create " in line]
        minor = VERSION.rpartition(".")[0]
        for image, line in zip(IMAGES, created, strict=True):
            name = f"host/path/{image}"
            self.assertEqual(re.findall(r"--tag (\S+)", line), [f"{name}:{tag}" for tag in (VERSION, minor, "latest")])
            self.assertTrue(line.endswith(f" {name}:{VERSION}-amd64 {name}:{VERSION}-arm64"))
        outputs = dict(line.split("=") for line in (self.directory / "output").read_text(encoding="utf-8").splitlines())
        self.assertEqual(set(outputs), set(IMAGES))
        attested = [one["with"] for one in JOBS["publish"]["steps"] if "attest" in one.get("uses", "")]
        self.assertEqual({one["subject-name"].rpartition("/")[2] for one in attested[1:]}, set(IMAGES))

    def test_only_a_tag_of_this_version_is_pushed(self):
        (self.directory / "Cargo.toml").write_text((REPOSITORY / "Cargo.toml").read_text(encoding="utf-8"), encoding="utf-8")
        build = lambda tag, push: self.run_step("image", "Build, and push at a tag", tag, PREFIX="host/path", PUSH=push)
        self.assertNotEqual(build("v9.9.9", "true").returncode, 0)
        self.assertFalse((self.directory / "docker.log").exists())
        self.assertEqual(build(f"v{VERSION}", "true").returncode, 0)
        self.assertEqual(re.findall(r"--tag (\S+)", "\n".join(self.asked())), [f"host/path/{image}:{VERSION}-amd64" for image in IMAGES])
        self.assertTrue(all("push=true" in line for line in self.asked()))
        self.assertEqual(build("main", "false").returncode, 0)
        self.assertTrue(all("push=false" in line for line in self.asked()[3:]))

    def test_a_release_has_checksums_and_the_notes_of_its_version(self):
        (self.directory / "release").mkdir()
        (self.directory / "release/file").write_text("content", encoding="utf-8")
        (self.directory / "CHANGELOG.md").write_text("## Unreleased\nlater\n## 0.3.0 - x\nnew\n## 0.2.0 - y\nold\n", encoding="utf-8")
        ran = self.run_step("publish", "Checksums and notes", "v0.3.0")
        self.assertEqual(ran.returncode, 0, ran.stderr)
        self.assertEqual((self.directory / "notes.md").read_text(encoding="utf-8"), "new\n")
        check = subprocess.run(["sha256sum", "--check", "SHA256SUMS"], cwd=self.directory / "release", capture_output=True, check=False)
        self.assertEqual(check.returncode, 0)
        self.assertNotEqual(self.run_step("publish", "Checksums and notes", "v0.4.0").returncode, 0, "no notes")

    def test_every_job_ends_before_the_release(self):
        self.assertEqual(set(JOBS["publish"]["needs"]), set(JOBS) - {"publish", "test"})
        for job in ("image", "files"):
            self.assertEqual(JOBS[job]["needs"], "test")
            self.assertEqual(len(JOBS[job]["strategy"]["matrix"].get("runner") or JOBS[job]["strategy"]["matrix"]["include"]), 2)


if __name__ == "__main__":
    unittest.main()
