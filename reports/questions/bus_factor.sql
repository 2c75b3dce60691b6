SELECT
    repository,
    arrayFirstIndex(reached -> reached >= total / 2, arrayCumSum(largest_first)) AS needed,
    length(largest_first) AS people
FROM
(
    SELECT
        repository,
        arrayReverseSort(groupArray(changes)) AS largest_first,
        sum(changes) AS total
    FROM
    (
        SELECT
            repository,
            if(user_name = '', lower(email), user_name) AS person,
            sum(share * (ifNull(additions, 0) + ifNull(deletions, 0))) AS changes
        FROM contributions
        GROUP BY repository, person
    )
    GROUP BY repository
)
WHERE total > 0
ORDER BY needed, repository
