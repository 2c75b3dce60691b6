SELECT
    moved,
    user_name AS person,
    multiIf(number = 1, 'joined', NOT is_present, 'left', NOT was_present, 'came back', 'moved') AS what,
    if(number = 1, '', concat(before.1, ', ', before.2)) AS from_where,
    if(is_present, concat(team, ', ', position), '') AS to_where
FROM
(
    SELECT
        since AS moved,
        user_name,
        team,
        position,
        is_present,
        row_number() OVER person AS number,
        lagInFrame((team, position)) OVER person AS before,
        lagInFrame(is_present) OVER person AS was_present
    FROM user_periods
    WINDOW person AS (PARTITION BY user_name ORDER BY since ROWS BETWEEN UNBOUNDED PRECEDING AND UNBOUNDED FOLLOWING)
)
WHERE (number = 1 OR before != (team, position) OR was_present != is_present)
    AND moved >= {since:DateTime64(6, 'UTC')}
    AND moved < {until:DateTime64(6, 'UTC')}
ORDER BY moved DESC, person
LIMIT 500
