-- The leader loads what the book says into the epoch it opens; in parts of at most 500 of each.
--
-- ARGV: 1 lease number  2 what: stop, suppress, relay, limits, volume, roster, offset, position, reporting, round, open;
--   then the values
--   stop: key, kind, …   suppress: hash, …   relay: line, … (all at once, replaces)   roster: worker, …
--   limits: field, value, … (all at once, replaces; see limits.lua)   volume: month, then lane, number, … (what the book has)
--   round: none; a new round of pushes begins   offset: ms   position: "ms-seq" of the book; ids of the stream go on after it
-- Returns: OK; round: its number

local stage = phase()
if not stage then return CLOSED end
local refused = fenced(ARGV[1])
if refused then return refused end
local what = ARGV[2]
local now = now_us()
if what == 'stop' then
  for i = 3, #ARGV, 2 do redis.call('HSET', K.stops, ARGV[i], ARGV[i + 1]) end
elseif what == 'suppress' then
  for i = 3, #ARGV do redis.call('ZADD', K.suppressed, text(now / 1000), ARGV[i]) end
elseif what == 'relay' then
  redis.call('DEL', K.relays)
  for i = 3, #ARGV do redis.call('RPUSH', K.relays, ARGV[i]) end
elseif what == 'limits' then
  local same = redis.call('HLEN', K.limits) == (#ARGV - 2) / 2
  for i = 3, #ARGV, 2 do same = same and redis.call('HGET', K.limits, ARGV[i]) == ARGV[i + 1] end
  if not same then
    redis.call('DEL', K.limits)
    for i = 3, #ARGV, 2 do redis.call('HSET', K.limits, ARGV[i], ARGV[i + 1]) end
    -- What waits for an old limit is looked at again.
    redis.call('ZUNIONSTORE', K.waiting, 1, K.waiting, 'WEIGHTS', 0)
    wake(64)
  end
elseif what == 'volume' then
  for i = 4, #ARGV, 2 do redis.call('HSET', K.volume, 'book ' .. ARGV[3] .. ' ' .. ARGV[i], ARGV[i + 1]) end
elseif what == 'roster' then
  for i = 3, #ARGV do redis.call('SADD', K.roster, ARGV[i]) end
elseif what == 'offset' then
  redis.call('HSET', K.epoch, 'offset', ARGV[3])
elseif what == 'position' then
  -- A stream that was lost starts again after what the book has read, even if the clock stepped back.
  local ms, seq = string.match(ARGV[3], '^(%d+)-(%d+)$')
  local id = ms .. '-' .. text(tonumber(seq) + 1)
  local ok = redis.pcall('XADD', K.outcomes, id, 'r', '')
  if not ok.err then redis.call('XDEL', K.outcomes, id) end
  -- A replica that lagged may still have what the book has read long ago, and nobody would read it again.
  commit_up_to(ARGV[3])
elseif what == 'reporting' then
  if stage == 'opening' then redis.call('HSET', K.epoch, 'phase', 'reporting', 'since', text(now)) end
elseif what == 'round' then
  return text(redis.call('HINCRBY', K.epoch, 'round', 1))
elseif what == 'open' then
  if stage == 'opening' then return CLOSED end
  redis.call('HSET', K.epoch, 'phase', 'open')
  wake(64)
end
return redis.status_reply('OK')
