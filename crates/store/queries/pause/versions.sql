-- A version, or all of a package, and what stands against each.
SELECT v.version_id, v.state,
       CASE WHEN v.version_id IN (SELECT subject FROM pause) OR v.package_id IN (SELECT subject FROM pause) THEN 1 ELSE 0 END AS paused
FROM package_version v
WHERE v.version_id = $1 OR v.package_id = $1
ORDER BY v.version_id
