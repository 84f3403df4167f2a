SELECT worker, epoch, seen_at FROM worker_roster ORDER BY worker
