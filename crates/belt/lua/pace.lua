-- What the other side's answers make of limits. A provider that asks for less gets half of its rate at once and a little more with every
-- second that passes (AIMD); a relay that can't be used is left alone, then tried with one job at a time until one is answered.
--
-- K.pace: "<kind> <name>", as limits are named, or "relay <name>" -> "share since base until failures opened":
--   share     of the rate that was in force at `since`, the last time it was halved; it grows back by itself
--   base      us between two, in the place of the limit of a provider that has none: what it was sent when it first asked for less
--   until     nothing goes before (us)
--   failures  times in a row that a relay could not be used; 0 if it works   opened: when the last of them was heard

local LEAST_SHARE = 1 / 64
-- The whole rate is back after two minutes without another word.
local FULL_AFTER_US = 120000000
-- At half the rate; twice that at a quarter, and so on.
local REST_US = 5000000
local FIRST_WAIT_US, LONGEST_WAIT_US = 1000000, 60000000
-- A job that looks whether a relay is back and is not heard of again is followed by another after this.
local PROBE_US = 5000000

local any_pace, pace_now = nil, nil
local paces, paces_changed = {}, {}
local function pace_of(key)
  if any_pace == nil then any_pace = redis.call('EXISTS', K.pace) == 1 end
  if not any_pace then return nil end
  local known = paces[key]
  if known ~= nil then return known or nil end
  local found = redis.call('HGET', K.pace, key)
  if not found then
    paces[key] = false
    return nil
  end
  local share, since, base, till, failures, opened = string.match(found, '^(%S+) (%d+) (%d+) (%d+) (%d+) (%d+)$')
  known = { share = tonumber(share), since = tonumber(since), base = tonumber(base), till = tonumber(till),
    failures = tonumber(failures), opened = tonumber(opened) }
  paces[key] = known
  return known
end
local function pace_or_new(key)
  local known = pace_of(key)
  if not known then
    known = { share = 1, since = 0, base = 0, till = 0, failures = 0, opened = 0 }
    paces[key] = known
    any_pace = true
  end
  paces_changed[key] = true
  return known
end
local function share_of(pace, now) return math.min(1, pace.share + (now - pace.since) / FULL_AFTER_US) end

-- The limit as the answers have made it.
local function at_pace(limit, key)
  local pace = pace_of(key)
  if not pace then return limit end
  if not pace_now then pace_now = now_us() end
  local share, interval = share_of(pace, pace_now), limit.interval
  if share >= 1 and pace.failures == 0 and pace.till <= pace_now then
    -- It is over.
    paces_changed[key] = true
    return limit
  end
  if interval == 0 and share < 1 then interval = pace.base end
  return { interval = math.floor(interval / share), burst = math.max(1, math.floor(limit.burst * share)),
    bucket = limit.bucket or key .. ' ~', name = limit.name, held = pace.till, pace = pace, key = key }
end

local function save_paces()
  for key in pairs(paces_changed) do
    local pace = paces[key]
    pace_now = pace_now or now_us()
    if pace.failures == 0 and share_of(pace, pace_now) >= 1 and pace.till <= pace_now then
      redis.call('HDEL', K.pace, key)
    else
      redis.call('HSET', K.pace, key, string.format('%.6f %.0f %.0f %.0f %.0f %.0f', pace.share, pace.since, pace.base, pace.till,
        pace.failures, pace.opened))
    end
  end
end
