INSERT INTO worker_roster (worker, epoch, seen_at) VALUES /* rows */
