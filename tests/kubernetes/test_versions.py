"""Every file that names the version of the program names the same one, and the changelog describes it."""

import json
import re
import tomllib
import unittest

from test_manifests import REPOSITORY


def read(name):
    return (REPOSITORY / name).read_text(encoding="utf-8")


VERSION = tomllib.loads(read("Cargo.toml"))["package"]["version"]


class Versions(unittest.TestCase):
    def test_packages_have_it(self):
        self.assertEqual(json.loads(read("packages/node/package.json"))["version"], VERSION)
        self.assertEqual(tomllib.loads(read("packages/python/pyproject.toml"))["project"]["version"], VERSION)

    def test_the_documentation_refers_to_it(self):
        text = read("docs/ci.md")
        minor = VERSION.rpartition(".")[0]
        self.assertEqual(set(re.findall(r"barstone@v([\d.]+)", text)), {VERSION})
        self.assertEqual(set(re.findall(r"/barstone:([\d.]+)", text)), {minor})
        for name in ("README.md", "docs/install.md"):
            self.assertEqual(set(re.findall(r"barstone_([\d.]+)-1", read(name))), {VERSION})
        self.assertIn(f"| barstone | {VERSION} |", read("docs/comparison.md"))

    def test_the_changelog_describes_it(self):
        headings = re.findall(r"^## (.*)$", read("CHANGELOG.md"), re.M)
        self.assertEqual(headings[0], "Unreleased")
        released = [re.fullmatch(r"(\d+\.\d+\.\d+) - (\d{4}-\d\d-\d\d)", heading) for heading in headings[1:]]
        self.assertEqual(released[0][1], VERSION)
        dates = [match[2] for match in released]
        self.assertEqual(dates, sorted(dates, reverse=True))
        kinds = set(re.findall(r"^### (.*)$", read("CHANGELOG.md"), re.M))
        self.assertLessEqual(kinds, {"Added", "Changed", "Deprecated", "Removed", "Fixed", "Security"})


if __name__ == "__main__":
    unittest.main()
