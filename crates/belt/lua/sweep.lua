-- Upkeep, once a second, by the leader: buries the dead even when no worker calls.
--
-- Returns: 1 workers found dead in this call  2 workers whose hands are not empty yet

if not phase() then return CLOSED end
local now = now_us()
local found = recover(now)
redis.call('ZREMRANGEBYSCORE', K.suppressed, '-inf', text(now / 1000 - 7200000))
return { found, redis.call('SCARD', K.dead) }
