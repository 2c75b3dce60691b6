-- creates: function public.contractline_touch()
--
-- Sets updated_at on every update that does not set it itself.
CREATE FUNCTION public.contractline_touch() RETURNS trigger
LANGUAGE plpgsql AS $$
BEGIN
  IF NEW.updated_at IS NOT DISTINCT FROM OLD.updated_at THEN
    NEW.updated_at := now();
  END IF;
  RETURN NEW;
END
$$;
