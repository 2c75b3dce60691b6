SELECT
    if(team = '', 'not in the table', team) AS team_name,
    count() AS commits
FROM commits
GROUP BY team_name
ORDER BY commits DESC, team_name
