"""A child process with a Java machine: asks Apache Avro's SchemaCompatibility about pairs.

Reads one JSON object from its input: ``jars`` (a class path) and ``pairs``, each the texts of a
reader's and a writer's schema. Prints, for each pair, whether the reader can read the writer's
records.
"""

from __future__ import annotations

import json
import sys

import jpype

from tests.integration.targets.converter_lookup import java_machine


def main() -> None:
    asked = json.load(sys.stdin)
    options = ("-Xmx256m", "-XX:TieredStopAtLevel=1")
    jpype.startJVM(java_machine(), *options, classpath=asked["jars"], convertStrings=True)
    avro = jpype.JPackage("org").apache.avro
    check = avro.SchemaCompatibility.checkReaderWriterCompatibility

    def parsed(text: str) -> object:
        return avro.Schema.Parser().parse(text)

    verdicts = [
        str(check(parsed(reader), parsed(writer)).getType()) == "COMPATIBLE"
        for reader, writer in asked["pairs"]
    ]
    json.dump(verdicts, sys.stdout)


main()
