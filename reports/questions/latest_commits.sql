SELECT
    produced_at AS arrived,
    subject,
    if(user_name = '', author, user_name) AS person,
    repository,
    team,
    if(isNull(additions), '', concat('+', toString(additions), ' -', toString(ifNull(deletions, 0)))) AS lines,
    substring(commit_id, 1, 8) AS commit
FROM commits
WHERE produced_at >= (
    SELECT min(produced_at)
    FROM (SELECT produced_at FROM reporting.commit_facts ORDER BY produced_at DESC LIMIT 10000 SETTINGS final = 0)
)
ORDER BY produced_at DESC, repository, commit_id
LIMIT 40
SETTINGS query_plan_max_limit_for_top_k_optimization = 10000
