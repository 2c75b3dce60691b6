SELECT
    age_band,
    count() AS commits
FROM commits
GROUP BY age_band
ORDER BY commits DESC, age_band
