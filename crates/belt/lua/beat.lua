-- A worker is alive; and whoever calls buries the dead.
--
-- ARGV: 1 worker
-- Returns: alive, or gone if it was silent for a lease: then it has to join again under a new name.

if not phase() then return CLOSED end
local now = now_us()
recover(now)
if not redis.call('ZSCORE', K.workers, ARGV[1]) then return 'gone' end
redis.call('ZADD', K.workers, 'XX', text(now), ARGV[1])
return 'alive'
