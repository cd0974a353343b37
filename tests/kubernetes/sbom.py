"""Whether a file is a bill of materials by CycloneDX's schema, and has these components: sbom.py FILE NAME..."""

import json
import sys
from pathlib import Path

from cyclonedx.model.bom import Bom
from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator


def read(text):
    """What it says, once the schema takes it and every package URL can be read."""
    if errors := JsonStrictValidator(SchemaVersion.V1_6).validate_str(text):
        raise ValueError(errors)
    return Bom.from_json(json.loads(text))


def main(file, *names):
    bom = read(Path(file).read_text(encoding="utf-8"))
    if missing := {*names} - {component.name for component in bom.components}:
        sys.exit(f"{file} does not tell of {', '.join(sorted(missing))}")


if __name__ == "__main__":
    main(*sys.argv[1:])
