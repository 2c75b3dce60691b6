"""What the SQL, the questions and the code of a checkout read, column by column."""
