-- creates: table public.github_identities
--
-- Which login, email address or name belongs to which user. The people of github_users begin with
-- the four that their names suggest, which nobody has verified.
CREATE TABLE public.github_identities (
  kind       text NOT NULL CHECK (kind IN ('login', 'email', 'noreply', 'mailmap', 'name')),
  identity   text NOT NULL CHECK (identity = lower(identity)),
  user_name  text NOT NULL,
  updated_at timestamptz NOT NULL DEFAULT now(),
  verified   boolean NOT NULL DEFAULT true,
  PRIMARY KEY (kind, identity)
);

CREATE TRIGGER touch BEFORE UPDATE ON public.github_identities
  FOR EACH ROW EXECUTE FUNCTION public.contractline_touch();

INSERT INTO public.github_identities (kind, identity, user_name, verified)
SELECT kind, identity, user_name, false
FROM public.github_users,
  LATERAL (VALUES
    ('login',   replace(lower(user_name), ' ', '-')),
    ('email',   replace(lower(user_name), ' ', '.') || '@example.com'),
    ('noreply', replace(lower(user_name), ' ', '-') || '@users.noreply.github.com'),
    ('name',    lower(user_name))
  ) AS suggested (kind, identity);
