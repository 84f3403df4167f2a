-- Stops, lifts a stop, suppresses, or lifts that; taken in every phase, so nothing falls between two epochs.
--
-- ARGV: 1 what: set, clear, suppress, lift; set: key, kind (pause or cancel), … (at most 500); clear: key; suppress and
--   lift: hashes (at most 500)
-- Returns: OK. Suppressions are kept for two hours; older ones are checked where sends are queued.

if not phase() then return CLOSED end
if ARGV[1] == 'set' then
  for i = 2, #ARGV, 2 do redis.call('HSET', K.stops, ARGV[i], ARGV[i + 1]) end
elseif ARGV[1] == 'clear' then
  redis.call('HDEL', K.stops, ARGV[2])
elseif ARGV[1] == 'lift' then
  redis.call('ZREM', K.suppressed, unpack(ARGV, 2))
else
  local now_ms = now_us() / 1000
  for i = 2, #ARGV do redis.call('ZADD', K.suppressed, text(now_ms), ARGV[i]) end
  redis.call('ZREMRANGEBYSCORE', K.suppressed, '-inf', text(now_ms - 7200000))
end
return redis.status_reply('OK')
