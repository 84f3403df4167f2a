-- Hands out jobs to a worker with free hands: fair queueing over lanes and all limits in one step.
--
-- ARGV: 1 worker  2 number of this call  3 jobs wanted (capped at 256)  4 bound of the outcomes stream
-- Returns: 1 what it is: jobs, wait (reports are being taken), gone (declared dead), full (the book is behind)
--   2 come back after (us)  3 the recorder's committed position
--   then for each job: send, claim, relay, deaths, alone (0 or 1), packed job
-- A repeat of the last number answers with the jobs of that number and hands out nothing new.

local worker, number, want = ARGV[1], ARGV[2], math.min(tonumber(ARGV[3]), 256)
local stage = phase()
if not stage then return CLOSED end
local committed = redis.call('GET', K.committed) or '0-0'
if stage ~= 'open' then return { 'wait', '200000', committed } end
local now = now_us()
recover(now)
if not redis.call('ZSCORE', K.workers, worker) then return { 'gone', '0', committed } end

local last = redis.call('HGET', K.calls, worker)
if last and string.match(last, '^(%d+)') == number then
  local answer = { 'jobs', '0', committed }
  for send, claim in string.gmatch(last, ' (%S+) (%S+)') do
    local h = hand_of(send)
    local packed = redis.call('HGET', K.jobs, send)
    if h and packed and h.claim == claim then
      local deaths = redis.call('HGET', K.deaths, send) or '0'
      for _, part in ipairs({ send, claim, h.relay, deaths, deaths == '0' and '0' or '1', packed }) do
        answer[#answer + 1] = part
      end
    end
  end
  return answer
end
if redis.call('XLEN', K.outcomes) >= tonumber(ARGV[4]) then return { 'full', '200000', committed } end

-- Lanes whose limit lets them go again, and jobs whose short wait is over.
local v = tonumber(redis.call('GET', K.v) or '0')
local due = redis.call('ZRANGEBYSCORE', K.waiting, '-inf', text(now), 'LIMIT', 0, 200)
for _, lane in ipairs(due) do
  redis.call('ZREM', K.waiting, lane)
  make_ready(lane)
end
due = redis.call('ZRANGEBYSCORE', K.delayed, '-inf', text(now), 'LIMIT', 0, 100)
for i = #due, 1, -1 do
  redis.call('ZREM', K.delayed, due[i])
  local packed = redis.call('HGET', K.jobs, due[i])
  if packed then to_front(due[i], packed, false) end
end

count_here()
local answer, got, budget, ended = { 'jobs', '0', committed }, 0, want * 2 + 100, 0
local hands, held, call = {}, {}, { number }
local retry_at = now + 1000000
local LIMIT_ENDED = 50
any_deaths = redis.call('EXISTS', K.deaths) == 1

-- Ends a job on the belt's own word.
local function finish(send, job, outcome)
  append(send, job, outcome)
  forget(send)
  ended = ended + 1
end

-- Whether nothing speaks against the job; if something does, it ends here and no permit is lost.
local function may_go(send, packed, not_after)
  local why = quick_verdict(packed, not_after, now)
  if not why then return true end
  local job = parse(packed)
  if why == 'paused' then
    finish(send, job, not_now(60000000, 'paused'))
  elseif why == 'revised' then
    finish(send, job, not_now(0, 'revised'))
  else
    finish(send, job, permanent(why))
  end
  return false
end

local function hand_out(send, packed, not_after, lane_limit, relay, deaths, alone)
  local claim = next_claim()
  take(lane_limit, now)
  take(relay, now)
  hands[#hands + 1] = send
  hands[#hands + 1] = hand_text(claim, '0', now, not_after, worker, relay.name)
  held[#held + 1] = send
  call[#call + 1] = send
  call[#call + 1] = claim
  local at = #answer
  answer[at + 1], answer[at + 2], answer[at + 3] = send, claim, relay.name
  answer[at + 4], answer[at + 5], answer[at + 6] = deaths, alone, packed
  got = got + 1
end

local relays_seen = false
-- The relay of the next job: round about among those whose limit allows one now.
local function pick_relay()
  local all = all_relays()
  local at = nil
  if not relays_seen then
    -- Every relay's bucket begins to fill now, not when its turn comes.
    for _, relay in ipairs(all) do allowed_at(relay, now) end
    relays_seen = true
  end
  local start = counter % #all
  for i = 0, #all - 1 do
    local relay = all[(start + i) % #all + 1]
    local when = allowed_at(relay, now)
    if when <= now then return relay, now end
    if not at or when < at then at = when end
  end
  return nil, at
end

-- Jobs that were recovered before are handed out alone: up to half of the workers go quiet, finish
-- what they hold and take one of them at a time, so the next death blames nobody else.
local quiet = redis.call('SISMEMBER', K.quiet, worker) == 1
local lonely = redis.call('LLEN', K.alone)
local function may_be_quiet()
  return redis.call('SCARD', K.quiet) < math.max(1, math.floor(redis.call('ZCARD', K.workers) / 2))
end
local function go_quiet()
  redis.call('SADD', K.quiet, worker)
  quiet = true
end
local busy = redis.call('SCARD', K.held .. worker) > 0
if lonely > 0 and not quiet and may_be_quiet() then go_quiet() end
if quiet and not busy then
  while lonely > 0 and got == 0 and ended < LIMIT_ENDED do
    local relay, at = pick_relay()
    local send = redis.call('LINDEX', K.alone, 0)
    local packed = redis.call('HGET', K.jobs, send)
    if not packed then
      redis.call('LPOP', K.alone)
    else
      local job = parse(packed)
      local limit = lane_of(job.lane)
      local when = math.max(allowed_at(limit, now), at)
      if when - now > LONG_WAIT_US then
        redis.call('LPOP', K.alone)
        finish(send, job, not_now(when - now, 'limit'))
      elseif when > now then
        retry_at = math.min(retry_at, when)
        break
      else
        redis.call('LPOP', K.alone)
        local not_after = not_after_of(packed)
        if may_go(send, packed, not_after) then
          hand_out(send, packed, not_after, limit, relay, redis.call('HGET', K.deaths, send) or '0', '1')
        end
      end
    end
    lonely = redis.call('LLEN', K.alone)
  end
  if got == 0 and lonely == 0 then
    redis.call('SREM', K.quiet, worker)
    quiet = false
  end
end
if quiet then want = 0 end

-- The lanes with the lowest virtual times, in order. A lane that was served goes back among them at
-- its next time; beyond the last one fetched nobody knows the order, so that ends the call.
local order, horizon = {}, math.huge
if want > 0 then
  local first = redis.call('ZRANGE', K.ready, 0, want, 'WITHSCORES')
  local names = {}
  for i = 1, #first, 2 do
    names[#names + 1] = first[i]
    order[#order + 1] = { lane = first[i], own = tonumber(first[i + 1]), moved = false }
  end
  if #order > want then horizon = order[#order].own end
  fetch_lanes(names)
end
local at_front = 1
local function put_in_order(entry)
  local i = #order + 1
  while i > at_front and (order[i - 1].own > entry.own
    or (order[i - 1].own == entry.own and order[i - 1].lane > entry.lane)) do
    order[i] = order[i - 1]
    i = i - 1
  end
  order[i] = entry
end

-- What happens to lanes, written in one go at the end.
local not_ready, later, away = {}, {}, {}
local function take_off(entry, at)
  not_ready[#not_ready + 1] = entry.lane
  away[#away + 1] = entry.lane
  away[#away + 1] = text(entry.own)
  if at then
    later[#later + 1] = text(at)
    later[#later + 1] = entry.lane
  end
  entry.moved = false
end
local served = {}

while got < want and budget > 0 do
  budget = budget - 1
  local entry = order[at_front]
  if not entry then break end
  if entry.own > horizon then
    budget = 0
    break
  end
  local lane = entry.lane
  local limit = lanes[lane]
  local relay, relay_at = pick_relay()
  local at = allowed_at(limit, now)
  if not relay and relay_at - now > LONG_WAIT_US then at = math.max(at, relay_at) end
  if at - now > LONG_WAIT_US then
    -- Nothing of this lane can go within the long wait: back to the book, one interval apart.
    local step = 0
    while ended < LIMIT_ENDED do
      local send = redis.call('LPOP', K.lane .. lane)
      if not send then break end
      local packed = redis.call('HGET', K.jobs, send)
      if packed then finish(send, parse(packed), not_now(at - now + step * limit.interval, 'limit')) end
      step = step + 1
    end
    take_off(entry, redis.call('LLEN', K.lane .. lane) > 0 and now + 100000 or nil)
    at_front = at_front + 1
  elseif at > now then
    take_off(entry, at)
    at_front = at_front + 1
  elseif not relay then
    retry_at = math.min(retry_at, relay_at)
    break
  else
    local send = redis.call('LPOP', K.lane .. lane)
    if not send then
      take_off(entry, nil)
      at_front = at_front + 1
    else
      local packed = redis.call('HGET', K.jobs, send)
      local deaths = any_deaths and redis.call('HGET', K.deaths, send) or '0'
      if packed then
        v = math.max(v, entry.own)
        local goes = false
        local not_after = not_after_of(packed)
        if deaths ~= '0' then
          local first = got == 0 and not busy
          if first and may_be_quiet() then
            if may_go(send, packed, not_after) then
              go_quiet()
              hand_out(send, packed, not_after, limit, relay, deaths, '1')
              goes = true
            end
          else
            redis.call('RPUSH', K.alone, send)
            if may_be_quiet() then
              go_quiet()
              break
            end
          end
        elseif may_go(send, packed, not_after) then
          hand_out(send, packed, not_after, limit, relay, '0', '0')
          goes = true
        elseif ended >= LIMIT_ENDED then
          break
        end
        if goes then
          at_front = at_front + 1
          entry.own = entry.own + limit.stride
          if not entry.moved then
            entry.moved = true
            served[#served + 1] = entry
          end
          put_in_order(entry)
          if quiet then break end
        end
      end
    end
  end
end

local scores = {}
for _, entry in ipairs(served) do
  if entry.moved then
    scores[#scores + 1] = text(entry.own)
    scores[#scores + 1] = entry.lane
  end
end
if #scores > 0 then redis.call('ZADD', K.ready, 'XX', unpack(scores)) end
if #not_ready > 0 then redis.call('ZREM', K.ready, unpack(not_ready)) end
if #away > 0 then redis.call('HSET', K.vt, unpack(away)) end
if #later > 0 then redis.call('ZADD', K.waiting, unpack(later)) end
if #hands > 0 then
  redis.call('HSET', K.hand, unpack(hands))
  redis.call('SADD', K.held .. worker, unpack(held))
end
redis.call('SET', K.v, text(v))
redis.call('HSET', K.calls, worker, table.concat(call, ' '))
save_counter()
save_buckets()

if quiet then
  retry_at = math.min(retry_at, now + 20000)
elseif budget == 0 or ended >= LIMIT_ENDED then
  retry_at = now
elseif got < want then
  local first = redis.call('ZRANGE', K.waiting, 0, 0, 'WITHSCORES')
  if first[2] then retry_at = math.min(retry_at, tonumber(first[2])) end
  first = redis.call('ZRANGE', K.delayed, 0, 0, 'WITHSCORES')
  if first[2] then retry_at = math.min(retry_at, tonumber(first[2])) end
  retry_at = math.max(retry_at, now + 5000)
else
  retry_at = now
end
answer[2] = text(retry_at - now)
return answer
