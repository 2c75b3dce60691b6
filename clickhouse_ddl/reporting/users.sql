-- The people of today. Birth dates leave here as age bands only.
CREATE OR REPLACE VIEW reporting.users AS
SELECT
    user_name,
    position,
    team,
    multiIf(
        isNull(birth_date) OR birth_date > today(), 'unknown',
        age('year', birth_date, today()) < 20, 'under 20',
        age('year', birth_date, today()) < 30, '20 to 29',
        age('year', birth_date, today()) < 40, '30 to 39',
        age('year', birth_date, today()) < 50, '40 to 49',
        age('year', birth_date, today()) < 60, '50 to 59',
        '60 and over') AS age_band,
    updated_at
FROM github.users FINAL
COMMENT 'The people of today; birth dates as age bands only.';
