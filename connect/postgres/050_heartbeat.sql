-- creates: table public.debezium_heartbeat
--
-- Debezium touches this one row while the captured tables are quiet, so that the replication slot
-- moves on and PostgreSQL can drop old log files.
CREATE TABLE public.debezium_heartbeat (
  id      int PRIMARY KEY CHECK (id = 1),
  beat_at timestamptz NOT NULL
);

INSERT INTO public.debezium_heartbeat VALUES (1, now());
