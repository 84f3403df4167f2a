-- What every script of the belt starts with, after job.lua, pace.lua, limits.lua, heard.lua and ready.lua. It is never called by itself.
--
-- Above them stand lines written by `scripts.rs`: EPOCH (text), RECORD_VERSION, LEASE_US, DEATHS,
-- LONG_WAIT_US, the key names K of this epoch (from `keys.rs`) and now_us(), which reads TIME.
-- The epoch is in the text, so a server that was emptied or restarted does not know the script.
--
-- KEYS of every script: 1 the epoch key; the others share its hash tag and are named in K.

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

-- Which round of pushes it is. Whoever puts back what he finds nowhere begins a new one first: a push that was held up since an
-- earlier one may carry sends that were put back, sent and ended meanwhile.
local function round() return redis.call('HGET', K.epoch, 'round') or '0' end

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

-- The book has every outcome up to a position, "ms-seq": the stream is trimmed up to it. Answers the committed position, which never
-- moves back.
local function commit_up_to(position)
  local function parts(id)
    local ms, seq = string.match(id, '^(%d+)-(%d+)$')
    return tonumber(ms), tonumber(seq)
  end
  local seen = redis.call('GET', K.committed)
  local ms, seq = parts(seen or '0-0')
  local to_ms, to_seq = parts(position)
  if not seen or to_ms > ms or (to_ms == ms and to_seq > seq) then
    redis.call('SET', K.committed, position)
    seen, ms, seq = position, to_ms, to_seq
  end
  redis.call('XTRIM', K.outcomes, 'MINID', '=', text(ms) .. '-' .. text(seq + 1))
  return seen
end

-- Rings for idle workers: at most one ring each, and never a long list.
local function wake(count)
  local rung = redis.call('LLEN', K.wake)
  local workers = redis.call('ZCARD', K.workers)
  local more = math.min(count, workers - rung, 64)
  for _ = 1, more do redis.call('RPUSH', K.wake, '1') end
end

-- Takes a job out of the hand it is in.
local function out_of_hand(send, worker)
  redis.call('HDEL', K.hand, send)
  redis.call('SREM', K.held .. worker, send)
end

-- Takes a job off the belt altogether, from wherever it waits (not from a hand).
local function off_the_lane(send, packed)
  if redis.call('ZREM', K.delayed, send) == 0 then
    local provider, _, line = place_of(packed)
    if redis.call('LREM', K.lane .. provider .. ' ' .. line, 1, send) == 0 then redis.call('LREM', K.alone, 1, send) end
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
  local provider, vendor, line, lane = place_of(packed)
  redis.call('LPUSH', K.lane .. provider .. ' ' .. line, send)
  make_ready(provider, vendor, line, lane)
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
        uncount(h, packed)
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
  offset_ms = campaign_offset()
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
local function not_after_of(packed)
  local first = string.find(packed, '\n', 1, true)
  return first == 1 and '-' or string.sub(packed, 1, first - 1)
end
local function quick_verdict(packed, not_after, now)
  look_round()
  if any_stop or any_suppressed then return verdict(parse(packed), now) end
  return is_over(not_after, now) and 'expired' or nil
end

-- Whether a relay has answered the message itself.
local function any_answer(kind, record)
  return any_pace ~= false and (kind == 'd' or string.find(record, '"code":', 1, true))
end

-- The end of a hand-out: its event is appended whatever the belt thinks, and the job moves only if
-- it is in flight under this number. A late Done (kind d) also takes the job off its lane, or out
-- of another's hands that has not marked.
local function complete(send, claim, kind, record)
  local id = redis.call('XADD', K.outcomes, '*', 'r', record)
  local h = hand_of(send)
  if h and h.claim == claim and any_answer(kind, record) and it_works(h.relay, h.permit) then wake(64) end
  if h then
    if h.claim == claim or (kind == 'd' and h.marked == '0') then
      if kind ~= 'd' and not string.find(record, '"end":"unknown"', 1, true) then uncount(h, redis.call('HGET', K.jobs, send)) end
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
