SELECT
    if(position = '', 'not in the table', position) AS position_name,
    count() AS commits
FROM commits
GROUP BY position_name
ORDER BY commits DESC, position_name
