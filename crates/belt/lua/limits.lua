-- The limits: GCRA on now_us(). A bucket is the time at which it would be empty of debts. One that was never seen starts with
-- nothing in hand, and a limit's text is part of its bucket's name, so neither a new epoch nor a changed limit gives a second burst.
--
-- A job needs a permit of each of its vendor, its sender (a sending domain or a social account), its partner, its provider and
-- its relay, and it takes one from all of them or from none; besides it counts in its partner's volume of the month.

local NONE = { interval = 0, burst = 1 }

local buckets, changed = {}, {}
-- When its rate allows one, whatever the other side has said.
local function rate_allowed_at(limit, now)
  local interval = limit.interval
  if interval == 0 then return 0 end
  local name = limit.bucket
  local tat = buckets[name]
  if not tat then
    tat = tonumber(redis.call('HGET', K.buckets, name) or 'nil')
    if not tat then
      tat = now + limit.burst * interval
      changed[name] = true
    end
    buckets[name] = tat
  end
  return tat - (limit.burst - 1) * interval
end
local function allowed_at(limit, now)
  local at, held = rate_allowed_at(limit, now), limit.held
  if held and held > at then return held end
  return at
end
local function take_rate(limit, now)
  local interval = limit.interval
  if interval == 0 then return end
  local name = limit.bucket
  local tat = buckets[name]
  if tat < now then tat = now end
  buckets[name] = tat + interval
  changed[name] = true
end
local function take(limit, now)
  -- Whoever looks whether a relay is back looks alone.
  local pace = limit.pace
  if pace and pace.failures > 0 then
    limit.held_before, limit.held, pace.till = limit.held, now + PROBE_US, now + PROBE_US
    paces_changed[limit.key] = true
  end
  take_rate(limit, now)
end
-- A debt of nothing and one that was over long ago are the same, so this undoes take() exactly.
local function put_back(limit)
  local pace = limit.pace
  if pace and pace.failures > 0 then limit.held, pace.till = limit.held_before, limit.held_before end
  if limit.interval > 0 then buckets[limit.bucket] = buckets[limit.bucket] - limit.interval end
end
local function save_buckets()
  local pairs_, n = {}, 0
  for name in pairs(changed) do
    pairs_[n + 1] = name
    pairs_[n + 2] = buckets[name]
    n = n + 2
  end
  for from = 1, n, 2000 do redis.call('HSET', K.buckets, unpack(pairs_, from, math.min(from + 1999, n))) end
  save_paces()
end
-- Reads buckets at once, but not those that are known: they may have changed since.
local function fetch_buckets(names)
  local unknown = {}
  for i = 1, #names do
    if not buckets[names[i]] then unknown[#unknown + 1] = names[i] end
  end
  if #unknown == 0 then return end
  local found = redis.call('HMGET', K.buckets, unpack(unknown))
  for i = 1, #unknown do
    if found[i] then buckets[unknown[i]] = tonumber(found[i]) end
  end
end

-- What is set for all of a kind and for single ones: "interval_us\nburst\nlimit", see load.lua. `own` says how many single ones
-- there are, so that nothing is looked up in vain.
local limits, defaults = {}, nil
local function limit_for(kind, name)
  local key = kind .. ' ' .. name
  local known = limits[key]
  if known then return known end
  if not defaults then
    local d = redis.call('HMGET', K.limits, 'vendor', 'sender', 'provider', 'own vendor', 'own sender', 'own provider')
    defaults = { vendor = d[1], sender = d[2], provider = d[3], own = { vendor = d[4], sender = d[5], provider = d[6] } }
  end
  local set = defaults.own[kind] and redis.call('HGET', K.limits, key) or defaults[kind]
  known = NONE
  if set and name ~= '' then
    local interval, burst, spec = string.match(set, '^(%d+)\n(%d+)\n(.*)$')
    known = { interval = tonumber(interval), burst = tonumber(burst), bucket = key .. ' ' .. spec }
  end
  if any_pace ~= false then known = at_pace(known, key) end
  limits[key] = known
  return known
end

-- What lanes are set to: "weight\ninterval_us\nburst\nlimit\ntier"; what its tier is set to, if that is known, goes before the rest.
local classes = {}
local function class_of(settings)
  settings = settings or '1\n0\n1\n\n'
  local known = classes[settings]
  if known then return known end
  local weight, interval, burst, spec, tier = string.match(settings, '^(%d+)\n(%d+)\n(%d+)\n([^\n]*)\n(.*)$')
  local volume = '0'
  local set = tier ~= '' and redis.call('HGET', K.limits, 'tier ' .. tier)
  if set then weight, interval, burst, volume, spec = string.match(set, '^(%d+)\n(%d+)\n(%d+)\n(%d+)\n(.*)$') end
  known = { stride = math.max(1, math.floor(1000000 / tonumber(weight))), interval = tonumber(interval),
    burst = tonumber(burst), volume = tonumber(volume), spec = ' ' .. spec }
  classes[settings] = known
  return known
end
local function partner_limit(lane, class)
  if class.interval == 0 then return NONE end
  return { interval = class.interval, burst = class.burst, bucket = 'p ' .. lane .. class.spec }
end
local function class_of_lane(lane) return class_of(redis.call('HGET', K.lanes, lane)) end

-- All limits of a job but its relay's.
local function limits_of(packed)
  local provider, vendor, _, lane, sender = place_of(packed)
  local class = class_of_lane(lane)
  return { partner_limit(lane, class), limit_for('sender', sender), limit_for('vendor', vendor),
    limit_for('provider', provider) }, class, lane
end

local relays = nil
local function all_relays()
  if relays then return relays end
  relays = {}
  for _, line in ipairs(redis.call('LRANGE', K.relays, 0, -1)) do
    local name, interval, burst, spec = string.match(line, '^([^\n]*)\n(%d+)\n(%d+)\n(.*)$')
    local relay = { name = name, interval = tonumber(interval), burst = tonumber(burst), bucket = 'r ' .. name .. ' ' .. spec }
    relays[#relays + 1] = at_pace(relay, 'relay ' .. name)
  end
  if #relays == 0 then relays[1] = { name = '', interval = 0, burst = 1, bucket = '' } end
  return relays
end

-- The volume of a partner: how many of a calendar month (UTC, campaign time) have gone or may have. K.volume has what the book knew when
-- the epoch was opened ("book <month> <lane>") and what was handed out since ("<month> <lane>"); what did not go is taken off again.
local offset = nil
local function campaign_offset()
  if not offset then offset = tonumber(redis.call('HGET', K.epoch, 'offset') or '0') end
  return offset
end
-- The month `now` lies in, as "2026-01", and when the next one begins (us of Redis time).
local month_name, month_end = nil, nil
local function month_of(now)
  if month_name then return month_name, month_end end
  -- Days to dates and back, as the Gregorian calendar repeats itself every 400 years.
  local z = math.floor((now / 1000 + campaign_offset()) / 86400000) + 719468
  local era = math.floor(z / 146097)
  local day = z - era * 146097
  local year = math.floor((day - math.floor(day / 1460) + math.floor(day / 36524) - math.floor(day / 146096)) / 365)
  day = day - (365 * year + math.floor(year / 4) - math.floor(year / 100))
  local march = math.floor((5 * day + 2) / 153)
  local first = z - day + math.floor((153 * march + 2) / 5)
  local month = march < 10 and march + 3 or march - 9
  if month <= 2 then year = year + 1 end
  local leap = year % 4 == 0 and (year % 100 ~= 0 or year % 400 == 0)
  local next_first = first + ({ 31, leap and 29 or 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31 })[month]
  month_name = string.format('%04d-%02d', year + era * 400, month)
  month_end = ((next_first - 719468) * 86400000 - campaign_offset()) * 1000
  return month_name, month_end
end
-- Takes a hand-out that ended without a message off the volume it was counted in.
local function uncount(hand, packed)
  if hand.month == '-' or not packed then return end
  local _, _, _, lane = place_of(packed)
  redis.call('HINCRBY', K.volume, hand.month .. ' ' .. lane, -1)
end
-- Counts what a worker brings with it into this epoch; answers the month for its hand.
local function count_again(packed, now)
  local _, _, _, lane = place_of(packed)
  if class_of_lane(lane).volume == 0 then return '-' end
  local month = month_of(now)
  redis.call('HINCRBY', K.volume, month .. ' ' .. lane, 1)
  return month
end
