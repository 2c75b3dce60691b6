SELECT
    multiIf(size = 0, 'none', size <= 20, '1 to 20', size <= 50, '21 to 50', size <= 72, '51 to 72', 'over 72') AS length,
    count() AS commits
FROM
(
    SELECT subject_length AS size
    FROM commits
    WHERE NOT is_merge
)
GROUP BY length
ORDER BY indexOf(['none', '1 to 20', '21 to 50', '51 to 72', 'over 72'], length)
