SELECT COUNT(*) AS sends FROM send WHERE state IN ('held', 'failed') AND reason = 'set_aside'
