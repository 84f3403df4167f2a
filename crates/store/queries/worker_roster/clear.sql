DELETE FROM worker_roster
