-- The people of today; a change that holds only from a later day is not shown yet. Birth dates leave here as age bands only: decades, each joined with the next
-- older one until the band has as many people as the settings ask for; a rest that has fewer joins
-- the band before it. Where all of them are fewer, the band is 'unknown'.
CREATE OR REPLACE VIEW reporting.users AS
SELECT
    person.user_name AS user_name,
    if(person.is_ahead AND now.user_name != '', now.position, person.position) AS position,
    if(person.is_ahead AND now.user_name != '', now.team, person.team) AS team,
    multiIf(
        band.people < (SELECT smallest_age_band FROM reporting.people_settings), 'unknown',
        band.first = 1 AND band.last = 6, 'any age',
        band.first = 1, concat('under ', toString(band.last * 10 + 10)),
        band.last = 6, concat(toString(band.first * 10), ' and over'),
        concat(toString(band.first * 10), ' to ', toString(band.last * 10 + 9))) AS age_band,
    person.updated_at AS updated_at
FROM
(
    SELECT
        user_name,
        position,
        team,
        updated_at,
        ifNull(valid_from > today(), false) AS is_ahead,
        if(isNull(birth_date) OR birth_date > today(), 0,
            least(greatest(intDiv(age('year', birth_date, today()), 10), 1), 6)) AS decade
    FROM github.users FINAL
) AS person
LEFT ANY JOIN
(
    SELECT
        arrayJoin(group.1) AS decade,
        arrayMin(group.1) AS first,
        arrayMax(group.1) AS last,
        group.2 AS people
    FROM
    (
        SELECT
            (SELECT toUInt64(smallest_age_band) FROM reporting.people_settings) AS smallest,
            arrayFold(
                (groups, counted) -> if(
                    length(groups) > 0 AND groups[-1].2 < smallest,
                    arrayPushBack(
                        arrayPopBack(groups),
                        (arrayPushBack(groups[-1].1, counted.1), groups[-1].2 + counted.2)),
                    arrayPushBack(groups, ([counted.1], counted.2))),
                arraySort(groupArray((decade, people))),
                CAST([], 'Array(Tuple(Array(Int64), UInt64))')) AS closed,
            if(
                length(closed) > 1 AND closed[-1].2 < smallest,
                arrayPushBack(
                    arraySlice(closed, 1, length(closed) - 2),
                    (arrayConcat(closed[-2].1, closed[-1].1), closed[-2].2 + closed[-1].2)),
                closed) AS bands
        FROM
        (
            SELECT
                toInt64(least(greatest(intDiv(age('year', assumeNotNull(birth_date), today()), 10), 1), 6)) AS decade,
                count() AS people
            FROM github.users FINAL
            WHERE birth_date <= today()
            GROUP BY decade
        )
    )
    ARRAY JOIN bands AS group
) AS band
    ON band.decade = person.decade
LEFT ANY JOIN
(
    SELECT user_name, argMax(team, since) AS team, argMax(position, since) AS position
    FROM reporting.user_periods
    WHERE since <= now64(6)
    GROUP BY user_name
) AS now
    ON now.user_name = person.user_name
SETTINGS join_use_nulls = 0
COMMENT 'The people of today; birth dates as age bands only.';
