-- creates: table public.people
--
-- The people of the shop.
CREATE TABLE public.people (
  person text PRIMARY KEY,
  city   text
);
