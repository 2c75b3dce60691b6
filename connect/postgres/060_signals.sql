-- creates: table public.debezium_signal
--
-- `contractline apply connectors` writes here which tables a connector has to read anew, beside the
-- running stream: tables and columns that came under contract after its first snapshot. The rows
-- stay, as the record of what was read; Debezium adds its own marks while it reads and removes them.
CREATE TABLE public.debezium_signal (
  id   text PRIMARY KEY,
  type text NOT NULL,
  data text
);
