-- What every script of the belt starts with. It is never called by itself.
--
-- Above it stand lines written by `scripts.rs`: EPOCH (text), RECORD_VERSION, LEASE_US, DEATHS,
-- LONG_WAIT_US, the key names K of this epoch (from `keys.rs`) and now_us(), which reads TIME.
-- The epoch is in the text, so a server that was emptied or restarted does not know the script.
--
-- KEYS of every script: 1 the epoch key; the others share its hash tag and are named in K.
-- Numbers leave Lua through text(): tostring() keeps 14 digits only.

local function text(n) return string.format('%.0f', n) end

-- Where the belt stands; an error for whoever calls from another epoch.
local function phase()
  local e = redis.call('HMGET', K.epoch, 'n', 'phase')
  if e[1] ~= EPOCH then return nil end
  return e[2]
end

local CLOSED = redis.error_reply('CLOSED this epoch is not, or no longer, the belt\'s')

-- Refuses a lease number below the highest seen, and keeps the highest.
local function fenced(lease)
  local seen = tonumber(redis.call('GET', K.fence) or '0')
  local mine = tonumber(lease)
  if mine < seen then return redis.error_reply('FENCED ' .. text(seen)) end
  if mine > seen then redis.call('SET', K.fence, text(mine)) end
  return nil
end

-- Claim numbers. A call that needs many reads the counter once and writes it back at its end.
local counter = nil
local function next_claim()
  if counter then
    counter = counter + 1
    return EPOCH .. '-' .. text(counter)
  end
  return EPOCH .. '-' .. text(redis.call('HINCRBY', K.epoch, 'c', 1))
end
local function count_here() counter = tonumber(redis.call('HGET', K.epoch, 'c') or '0') end
local function save_counter() redis.call('HSET', K.epoch, 'c', text(counter)) end

-- A packed job: lane, vendor, activation, version, three hashes (the last perhaps with a topic's behind a blank), on_unknown (r or h), not_after
-- (campaign ms or empty), first_fed_at, the activation's revision, payload; a line each, the payload is the rest.
local PACKED = '^([^\n]*)\n([^\n]*)\n([^\n]*)\n([^\n]*)\n([^\n]*)\n([^\n]*)\n([^\n]*)\n([^\n]*)\n([^\n]*)\n[^\n]*\n([^\n]*)\n'
local function parse(packed)
  local lane, vendor, activation, version, h1, h2, h3, unknown, not_after, revision = string.match(packed, PACKED)
  return { lane = lane, vendor = vendor, activation = activation, version = version,
    h1 = h1, h2 = h2, h3 = h3, unknown = unknown, not_after = not_after, revision = revision }
end

-- A hand: claim, marked (0 or 1), permit taken at (us), not_after (campaign ms or -), worker, relay.
local function hand_of(send)
  local h = redis.call('HGET', K.hand, send)
  if not h then return nil end
  local claim, marked, permit, not_after, worker, relay =
    string.match(h, '^(%S+) (%d) (%d+) (%S+) (%S+) (.*)$')
  return { claim = claim, marked = marked, permit = tonumber(permit), not_after = not_after,
    worker = worker, relay = relay }
end
local function hand_text(claim, marked, permit, not_after, worker, relay)
  return claim .. ' ' .. marked .. ' ' .. text(permit) .. ' ' .. not_after .. ' ' .. worker .. ' ' .. relay
end

-- Appends an outcome that the belt itself decided, under a number of its own: what the worker that
-- held the job says late, under the number it had, is another event. Every part is an id, so
-- nothing needs escaping.
local function append(send, job, outcome)
  local policy = job.unknown == 'h' and 'hold' or 'retry'
  return redis.call('XADD', K.outcomes, '*', 'r', '{"v":' .. RECORD_VERSION .. ',"send":"' .. send
    .. '","activation":"' .. job.activation .. '","partner":"' .. job.lane .. '","claim":"' .. next_claim()
    .. '","on_unknown":"' .. policy .. '","outcome":' .. outcome .. '}')
end

local function not_now(after_us, reason)
  return '{"end":"not_now","after_ms":' .. text(math.max(0, math.ceil(after_us / 1000))) .. ',"reason":"' .. reason .. '"}'
end
local function permanent(reason, note)
  return '{"end":"permanent","reason":"' .. reason .. '","answer":{' .. (note or '') .. '}}'
end
local function set_aside(deaths)
  return permanent('set_aside', '"text":"' .. text(deaths) .. ' processes died holding it"')
end

-- Rings for idle workers: at most one ring each, and never a long list.
local function wake(count)
  local rung = redis.call('LLEN', K.wake)
  local workers = redis.call('ZCARD', K.workers)
  local more = math.min(count, workers - rung, 64)
  for _ = 1, more do redis.call('RPUSH', K.wake, '1') end
end

-- Puts a lane that has jobs among the ready ones, at its own virtual time but never in the past;
-- a lane that waits for its limit goes on waiting.
local function make_ready(lane)
  if redis.call('ZSCORE', K.waiting, lane) then return end
  local v = tonumber(redis.call('GET', K.v) or '0')
  local own = tonumber(redis.call('HGET', K.vt, lane) or '0')
  redis.call('ZADD', K.ready, 'NX', text(math.max(v, own)), lane)
end

-- Takes a job out of the hand it is in.
local function out_of_hand(send, worker)
  redis.call('HDEL', K.hand, send)
  redis.call('SREM', K.held .. worker, send)
end

-- Takes a job off the belt altogether, from wherever it waits (not from a hand).
local function off_the_lane(send, packed)
  if redis.call('ZREM', K.delayed, send) == 0 then
    local lane = string.match(packed, '^([^\n]*)\n')
    if redis.call('LREM', K.lane .. lane, 1, send) == 0 then redis.call('LREM', K.alone, 1, send) end
  end
end
local any_deaths = nil
local function forget(send)
  redis.call('HDEL', K.jobs, send)
  if any_deaths == nil then any_deaths = redis.call('EXISTS', K.deaths) == 1 end
  if any_deaths then redis.call('HDEL', K.deaths, send) end
end

-- Puts a job back to the front of its lane. `blame`: the process that held it died, or the
-- handler broke; after DEATHS of these it is set aside.
local function to_front(send, packed, blame)
  if blame then
    local deaths = redis.call('HINCRBY', K.deaths, send, 1)
    any_deaths = true
    if deaths >= DEATHS then
      append(send, parse(packed), set_aside(deaths))
      forget(send)
      return
    end
  end
  local lane = string.match(packed, '^([^\n]*)\n')
  redis.call('LPUSH', K.lane .. lane, send)
  make_ready(lane)
end

-- What one worker held, after it died or left. At most `cap` jobs; answers whether all were done.
local function empty_hands(worker, cap, blame)
  local sends = redis.call('SRANDMEMBER', K.held .. worker, cap)
  for _, send in ipairs(sends) do
    local h = hand_of(send)
    local packed = redis.call('HGET', K.jobs, send)
    redis.call('SREM', K.held .. worker, send)
    if h and packed and h.worker == worker then
      redis.call('HDEL', K.hand, send)
      if h.marked == '0' then
        to_front(send, packed, blame)
      else
        local deaths = blame and redis.call('HINCRBY', K.deaths, send, 1) or 0
        local job = parse(packed)
        if deaths >= DEATHS then
          append(send, job, set_aside(deaths))
          redis.call('HDEL', K.deaths, send)
        else
          append(send, job, '{"end":"unknown","text":"the worker died while it was on the wire"}')
        end
        redis.call('HDEL', K.jobs, send)
      end
    end
  end
  if #sends > 0 then wake(#sends) end
  return redis.call('SCARD', K.held .. worker) == 0
end

-- Whoever calls the belt buries the dead: silent for a lease by TIME is dead at once, and what it
-- held comes back in bounded pieces.
local function recover(now)
  local silent = redis.call('ZRANGEBYSCORE', K.workers, '-inf', text(now - LEASE_US), 'LIMIT', 0, 4)
  for _, worker in ipairs(silent) do
    redis.call('ZREM', K.workers, worker)
    redis.call('SREM', K.quiet, worker)
    redis.call('HDEL', K.calls, worker)
    redis.call('SADD', K.dead, worker)
  end
  local dead = redis.call('SRANDMEMBER', K.dead, 1)
  if dead[1] and empty_hands(dead[1], 100, true) then redis.call('SREM', K.dead, dead[1]) end
  return #silent
end

-- What speaks against sending a job now. Most of the time there is no stop and no fresh suppression,
-- and then nothing but its validity has to be looked at.
local any_stop, any_suppressed, offset_ms = nil, nil, nil
local function look_round()
  if any_stop ~= nil then return end
  any_stop = redis.call('EXISTS', K.stops) == 1
  any_suppressed = redis.call('EXISTS', K.suppressed) == 1
  offset_ms = tonumber(redis.call('HGET', K.epoch, 'offset') or '0')
end
local function is_over(not_after, now)
  return not_after ~= '' and not_after ~= '-' and now / 1000 + offset_ms > tonumber(not_after)
end

-- nil, or stopped, revised, paused, suppressed, expired.
local function verdict(job, now)
  look_round()
  if any_stop then
    local found = redis.call('HMGET', K.stops, job.lane, job.vendor, job.activation, job.version,
      'revision:' .. job.activation, 'all')
    local paused = found[6] and true
    if found[6] == 'cancel' then return 'stopped' end
    for i = 1, 4 do
      if found[i] == 'cancel' then return 'stopped' end
      if found[i] then paused = true end
    end
    if found[5] and tonumber(job.revision) < tonumber(found[5]) then return 'revised' end
    if paused then return 'paused' end
  end
  if any_suppressed then
    local company, topic = string.match(job.h3, '^(%S*) ?(%S*)$')
    local found = redis.call('ZMSCORE', K.suppressed, job.h1, job.h2, company, topic)
    if found[1] or found[2] or found[3] or found[4] then return 'suppressed' end
  end
  if is_over(job.not_after, now) then return 'expired' end
  return nil
end

-- The same from as little of the job as will do.
local NOT_AFTER = '^[^\n]*\n[^\n]*\n[^\n]*\n[^\n]*\n[^\n]*\n[^\n]*\n[^\n]*\n[^\n]*\n([^\n]*)\n'
local function not_after_of(packed)
  local at = string.match(packed, NOT_AFTER)
  return at == '' and '-' or at
end
local function quick_verdict(packed, not_after, now)
  look_round()
  if any_stop or any_suppressed then return verdict(parse(packed), now) end
  return is_over(not_after, now) and 'expired' or nil
end

-- The limits (GCRA): a bucket is the time at which it would be empty of debts. One that was never
-- seen starts with nothing in hand, so a new epoch or a changed limit passes no limit.
local buckets, changed = {}, {}
local function allowed_at(limit, now)
  if limit.interval == 0 then return 0 end
  local tat = buckets[limit.bucket]
  if not tat then
    tat = tonumber(redis.call('HGET', K.buckets, limit.bucket) or 'nil')
    if not tat then
      tat = now + limit.burst * limit.interval
      changed[limit.bucket] = true
    end
    buckets[limit.bucket] = tat
  end
  return tat - (limit.burst - 1) * limit.interval
end
local function take(limit, now)
  if limit.interval == 0 then return end
  buckets[limit.bucket] = math.max(buckets[limit.bucket], now) + limit.interval
  changed[limit.bucket] = true
end
local function save_buckets()
  local pairs_ = {}
  for name in pairs(changed) do
    pairs_[#pairs_ + 1] = name
    pairs_[#pairs_ + 1] = text(buckets[name])
  end
  if #pairs_ > 0 then redis.call('HSET', K.buckets, unpack(pairs_)) end
end
-- Reads the buckets of many limits at once.
local function fetch_buckets(limits)
  local names = {}
  for _, limit in ipairs(limits) do
    if limit.interval > 0 and not buckets[limit.bucket] then names[#names + 1] = limit.bucket end
  end
  if #names == 0 then return end
  for i, tat in ipairs(redis.call('HMGET', K.buckets, unpack(names))) do
    if tat then buckets[names[i]] = tonumber(tat) end
  end
end

-- What a lane was last pushed with: weight, interval (us, 0 for no limit), burst, limit as text.
local lanes = {}
local function read_lane(lane, settings)
  local weight, interval, burst, spec = string.match(settings or '1\n0\n1\n', '^(%d+)\n(%d+)\n(%d+)\n(.*)$')
  local known = { stride = math.max(1, math.floor(1000000 / tonumber(weight))), interval = tonumber(interval),
    burst = tonumber(burst), bucket = 'p:' .. lane .. ':' .. spec }
  lanes[lane] = known
  return known
end
local function lane_of(lane) return lanes[lane] or read_lane(lane, redis.call('HGET', K.lanes, lane)) end
-- Reads what many lanes are set to, and their buckets, at once.
local function fetch_lanes(names)
  if #names == 0 then return end
  local limits = {}
  for i, settings in ipairs(redis.call('HMGET', K.lanes, unpack(names))) do
    limits[i] = read_lane(names[i], settings)
  end
  fetch_buckets(limits)
end
local relays = nil
local function all_relays()
  if relays then return relays end
  relays = {}
  for _, line in ipairs(redis.call('LRANGE', K.relays, 0, -1)) do
    local name, interval, burst, spec = string.match(line, '^([^\n]*)\n(%d+)\n(%d+)\n(.*)$')
    relays[#relays + 1] = { name = name, interval = tonumber(interval), burst = tonumber(burst),
      bucket = 'r:' .. name .. ':' .. spec }
  end
  if #relays == 0 then relays[1] = { name = '', interval = 0, burst = 1, bucket = '' } end
  return relays
end

-- The end of a hand-out: its event is appended whatever the belt thinks, and the job moves only if
-- it is in flight under this number. A late Done (kind d) also takes the job off its lane, or out
-- of another's hands that has not marked.
local function complete(send, claim, kind, record)
  local id = redis.call('XADD', K.outcomes, '*', 'r', record)
  local h = hand_of(send)
  if h then
    if h.claim == claim or (kind == 'd' and h.marked == '0') then
      out_of_hand(send, h.worker)
      forget(send)
    end
  elseif kind == 'd' then
    local packed = redis.call('HGET', K.jobs, send)
    if packed then
      off_the_lane(send, packed)
      forget(send)
    end
  end
  return id
end
