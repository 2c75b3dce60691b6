SELECT
    pair.1 AS one,
    pair.2 AS other,
    count() AS commits,
    uniqExact(repository) AS repositories
FROM
(
    SELECT
        repository,
        arrayJoin(arrayFlatten(arrayMap(
            (person, place) -> arrayMap(helper -> (person, helper), arraySlice(people, place + 1)),
            people,
            arrayEnumerate(people)))) AS pair
    FROM
    (
        SELECT
            repository,
            arraySort(groupUniqArray(if(user_name = '', name, user_name))) AS people
        FROM contributions
        WHERE share < 1
        GROUP BY repository, commit_id
    )
)
GROUP BY pair
ORDER BY commits DESC, one, other
LIMIT 100
