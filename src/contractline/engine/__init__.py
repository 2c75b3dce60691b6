"""The ClickHouse engine in this process, and an HTTP endpoint over it that speaks as a server does.

``session`` opens a data folder; everything else is the endpoint, ``python -m contractline.engine``.
"""
