-- creates: table public.github_users
--
-- The people behind the commits. The rows are loaded here and nowhere else: this file runs only
-- while the table does not exist, so a row that somebody deletes stays deleted.
CREATE TABLE public.github_users (
  user_name  text PRIMARY KEY,
  position   text NOT NULL,
  team       text NOT NULL,
  birth_date date,
  updated_at timestamptz NOT NULL DEFAULT now(),
  valid_from date
);

COMMENT ON COLUMN public.github_users.valid_from IS
  'First day (UTC) of this team and position, where it is not the day of the change.';

CREATE TRIGGER touch BEFORE UPDATE ON public.github_users
  FOR EACH ROW EXECUTE FUNCTION public.contractline_touch();

\copy public.github_users (user_name, position, team) FROM 'seed_users.csv' WITH (FORMAT csv, HEADER true)

-- The others did not tell their birth date.
UPDATE public.github_users AS users SET birth_date = known.birth_date
FROM (VALUES
  ('Ivan M',     DATE '1990-05-17'),
  ('Alisa R',    DATE '1965-02-03'),
  ('Roman F',    DATE '1998-11-30'),
  ('Veronika A', DATE '1984-08-21'),
  ('Masha R',    DATE '2001-01-09'),
  ('Vladimir L', DATE '1976-12-05')
) AS known (user_name, birth_date)
WHERE users.user_name = known.user_name;
