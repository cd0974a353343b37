"""What images say of what is in them."""

import json
import subprocess
import tomllib
import unittest
from pathlib import Path

import sbom

REPOSITORY = Path(__file__).resolve().parents[2]


def run(*words, lines=""):
    command = [REPOSITORY / "docker/sbom.sh", *words]
    return subprocess.run(command, cwd=REPOSITORY, input=lines, capture_output=True, text=True, check=True).stdout


class Sbom(unittest.TestCase):
    lines = run("crates") + run("vendored") + run("packages", "coreutils", "libc6")
    text = run("document", "barstone", lines=lines)
    components = sbom.read(text).components

    def test_it_has_every_crate_that_the_program_asks_for(self):
        manifest = tomllib.loads((REPOSITORY / "Cargo.toml").read_text(encoding="utf-8"))
        crates = {component.name for component in self.components if component.purl and component.purl.type == "cargo"}
        # A package of this repository comes with the program, under no name of a registry.
        own = {name for name, wanted in manifest["dependencies"].items() if "path" in wanted}
        self.assertLessEqual({*manifest["dependencies"]} - own, crates)
        self.assertTrue(crates.isdisjoint({"barstone", "proptest", "syn"}), "they are not in the program")

    def test_it_has_versions_as_the_lock_has_them(self):
        lock = tomllib.loads((REPOSITORY / "Cargo.lock").read_text(encoding="utf-8"))
        locked = {(package["name"], package["version"]) for package in lock["package"]}
        crates = {(one.purl.name, one.purl.version) for one in self.components if one.purl and one.purl.type == "cargo"}
        self.assertLessEqual(crates, locked)

    def test_it_has_players_font_and_packages(self):
        names = {component.name for component in self.components}
        self.assertLessEqual({"hls.js", "dashjs", "shaka-player", "DejaVu Sans Mono Bold", "coreutils", "libc6"}, names)

    def test_licences_are_expressions(self):
        licences = [licence.value for component in self.components for licence in component.licenses]
        self.assertIn("MIT OR Apache-2.0", licences)
        self.assertEqual([licence for licence in licences if "/" in licence], [])

    def test_what_is_none_is_not_taken(self):
        wrong = {**json.loads(self.text), "component": []}
        with self.assertRaises(ValueError):
            sbom.read(json.dumps(wrong))


if __name__ == "__main__":
    unittest.main()
