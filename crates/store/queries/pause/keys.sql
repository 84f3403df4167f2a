-- What the belt is told is paused. It knows versions, not packages.
SELECT subject FROM pause WHERE subject NOT LIKE 'pkg%'
UNION
SELECT v.version_id AS subject FROM pause p JOIN package_version v ON v.package_id = p.subject
