SELECT COUNT(*) AS pauses FROM pause WHERE subject = $1
