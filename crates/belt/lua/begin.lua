-- The leader begins an epoch: what was on lanes, in hands and in buckets is left behind under the
-- old epoch's names; streams and shelf stay. Nobody but the leader gets in yet.
--
-- ARGV: 1 lease number
-- Returns: OK; STALE with the epoch there is, if it is not lower than this one.

local refused = fenced(ARGV[1])
if refused then return refused end
local e = redis.call('HMGET', K.epoch, 'n', 'phase')
if e[1] == EPOCH and e[2] == 'opening' then return redis.status_reply('OK') end
if e[1] and tonumber(e[1]) >= tonumber(EPOCH) then return redis.error_reply('STALE ' .. e[1]) end
if e[1] then redis.call('SADD', K.garbage, e[1]) end
redis.call('DEL', K.epoch)
redis.call('HSET', K.epoch, 'n', EPOCH, 'phase', 'opening', 'c', '0', 'since', text(now_us()))
return redis.status_reply('OK')
