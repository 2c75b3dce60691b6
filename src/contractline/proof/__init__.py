"""The replay proof: generated records through the real engine, compared with Avro's own resolution.

Records of every version are encoded with their writer's schema and read by ClickHouse through the
stream's own tables and views. Each column must then hold what Avro gives for the reader's schema.
The way in is :mod:`contractline.proof.proof`.
"""
