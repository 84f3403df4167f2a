-- Hands out jobs to a worker with free hands: fair queueing over vendors and their lanes, and all limits, in one step.
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

-- What waits for a limit that lets it go again, and jobs whose short wait is over.
wake_waiting(now)
local due = redis.call('ZRANGEBYSCORE', K.delayed, '-inf', now, 'LIMIT', 0, 100)
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
local now_text = text(now)
any_deaths = redis.call('EXISTS', K.deaths) == 1

-- Ends a job on the belt's own word.
local function finish(send, job, outcome)
  append(send, job, outcome)
  -- What comes back has killed as many processes as before.
  if string.find(outcome, '"end":"not_now"', 1, true) then redis.call('HDEL', K.jobs, send) else forget(send) end
  ended = ended + 1
end

-- Whether nothing speaks against the job; if something does, it ends here.
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

-- Its permits are taken already.
local function hand_out(send, packed, not_after, month, relay, deaths, alone)
  local claim = next_claim()
  local n = #hands
  hands[n + 1] = send
  hands[n + 2] = claim .. ' 0 ' .. now_text .. ' ' .. not_after .. ' ' .. month .. ' ' .. worker .. ' ' .. relay.name
  got = got + 1
  held[got] = send
  n = #call
  call[n + 1], call[n + 2] = send, claim
  local at = #answer
  answer[at + 1], answer[at + 2], answer[at + 3] = send, claim, relay.name
  answer[at + 4], answer[at + 5], answer[at + 6] = deaths, alone, packed
end

-- How much of the month's volume lanes have used, and when the next month begins.
local volumes, volumes_before, volumes_changed = {}, {}, {}
local function volume_allowed_at(lane, volume)
  if volume == 0 then return 0 end
  local month, month_over = month_of(now)
  if not volumes[lane] then
    local used = redis.call('HMGET', K.volume, month .. ' ' .. lane, 'book ' .. month .. ' ' .. lane)
    volumes[lane], volumes_before[lane] = tonumber(used[1] or '0'), tonumber(used[2] or '0')
  end
  return volumes[lane] + volumes_before[lane] < volume and 0 or month_over
end
local function count_volume(lane, volume, by)
  if volume == 0 then return '-' end
  volumes[lane] = volumes[lane] + by
  volumes_changed[lane] = true
  return (month_of(now))
end

local relays_seen, turn = false, counter
-- The relay of the next job: round about among those whose limit allows one now.
local function pick_relay()
  local all = all_relays()
  local at = nil
  if not relays_seen then
    -- Every relay's bucket begins to fill now, not when its turn comes.
    for _, relay in ipairs(all) do allowed_at(relay, now) end
    relays_seen = true
  end
  local count = #all
  for i = 0, count - 1 do
    local relay = all[(turn + i) % count + 1]
    local when = allowed_at(relay, now)
    if when <= now then return relay, now end
    if not at or when < at then at = when end
  end
  return nil, at
end
