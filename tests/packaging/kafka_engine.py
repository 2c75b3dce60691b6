"""Tries `ENGINE = Kafka` in the chdb-core of the Python that runs this, whichever that is.

Prints the engine's version, and ends with 1 and the engine's words where it refuses. No broker is
needed: reading begins with the first view.
"""

import sys
import tempfile

from chdb.session import Session

TABLE = """
    CREATE TABLE queue (line String) ENGINE = Kafka SETTINGS kafka_broker_list = '127.0.0.1:1',
    kafka_topic_list = 'topic', kafka_group_name = 'group', kafka_format = 'LineAsString'"""

with tempfile.TemporaryDirectory() as folder:
    session = Session(folder)
    sys.stdout.write(str(session.query("SELECT version()", "TSV")))
    try:
        session.query("CREATE DATABASE tried")
        session.query("USE tried")
        session.query(TABLE)
    except Exception as problem:
        sys.exit(str(problem))
    finally:
        session.close()
