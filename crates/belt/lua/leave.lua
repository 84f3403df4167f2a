-- A worker goes: what it still holds goes back to the front, unblamed; what it marked ends as unknown.
--
-- ARGV: 1 worker
-- Returns: 1 when it is gone, 0 when there is more to give back (call again).

if not phase() then return CLOSED end
if not empty_hands(ARGV[1], 200, false) then return 0 end
redis.call('ZREM', K.workers, ARGV[1])
redis.call('SREM', K.quiet, ARGV[1])
redis.call('HDEL', K.calls, ARGV[1])
return 1
