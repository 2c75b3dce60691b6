-- creates: function public.contractline_publish_truncate()
--
-- TRUNCATE writes no rows into the log, so readers of changes would keep rows that are gone.
-- A trigger on each captured table (made by `contractline apply postgres`) calls this function
-- first: it deletes the rows one by one, and the deletes are published. A TRUNCATE of a captured
-- table therefore takes as long as a DELETE.
CREATE FUNCTION public.contractline_publish_truncate() RETURNS trigger
LANGUAGE plpgsql AS $$
BEGIN
  EXECUTE format('DELETE FROM %I.%I', TG_TABLE_SCHEMA, TG_TABLE_NAME);
  RETURN NULL;
END
$$;
