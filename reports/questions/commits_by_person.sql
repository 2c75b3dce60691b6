SELECT
    if(user_name = '', concat(name, ' (not in the table)'), user_name) AS person,
    role,
    count() AS commits
FROM contributions
GROUP BY person, role
ORDER BY sum(commits) OVER (PARTITION BY person) DESC, person, role
