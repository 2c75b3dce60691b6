-- creates: function public.touch()
CREATE FUNCTION public.touch() RETURNS int LANGUAGE sql AS 'SELECT 1';
