SELECT
    team,
    position,
    count() AS people
FROM users
GROUP BY team, position
ORDER BY sum(people) OVER (PARTITION BY team) DESC, team, position
