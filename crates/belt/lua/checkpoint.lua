-- What the connections of one worker have to say, in their order: completions, marks, give-backs.
--
-- ARGV: 1 worker, then the operations one after another, each led by its letter:
--   m send claim                        may the content of this job be written?
--   c send claim kind record            it ended (kind d: done, f: anything else)
--   g send claim blame(0|1) delay_ms    it did not start; back to the front, or after a delay
--   h send claim what name after_us     what the other side said, before the c or g that ends it; what: less (provider `name` asks for
--                                       less, and for that long), down (relay `name` can't be used)
-- Returns: 1 alive or gone  2 the recorder's committed position, then one text for each operation:
--   m: "go <us the permit is still good for>", gone, stopped, revised, paused, suppressed, expired, closed, "limited <us>"
--   c: the stream id of the record   g: 1 if it moved, else 0   h: nothing
-- Repeating a call does no harm: nothing moves twice, and a record is known by send and claim.

local worker = ARGV[1]
local stage = phase()
if not stage then return CLOSED end
local now = now_us()
recover(now)
local alive = redis.call('ZSCORE', K.workers, worker)
local answer = { alive and 'alive' or 'gone', redis.call('GET', K.committed) or '0-0' }

-- Whether the book knows this worker, and so would miss its report after a loss of Redis.
local in_roster = nil
local function is_in_roster()
  if in_roster == nil then in_roster = redis.call('SISMEMBER', K.roster, worker) == 1 end
  return in_roster
end
local ROSTER_US = 250000

local function mark(send, claim)
  if stage ~= 'open' then return 'closed' end
  if not alive then return 'gone' end
  local h = hand_of(send)
  if not h or h.claim ~= claim or h.worker ~= worker then return 'gone' end
  look_round()
  -- One that was taken later than now says that the clock stepped back: how old it is nobody knows.
  local aged = now - h.permit >= PERMIT_US or h.permit > now
  local packed = nil
  if any_stop or any_suppressed or aged or not is_in_roster() then
    packed = redis.call('HGET', K.jobs, send)
    if not packed then return 'gone' end
  end
  -- What is held when nobody knows whether it went: were this worker and Redis lost now, nobody would say that it may have gone.
  if not is_in_roster() and parse(packed).unknown == 'h' then return 'limited ' .. text(ROSTER_US) end
  local why = quick_verdict(packed, h.not_after, now)
  if why then return why end
  local permit = h.permit
  if aged then
    -- The permit of the claim has aged, so it counts no more: a new one, or not now.
    local relay = NONE
    for _, each in ipairs(all_relays()) do
      if each.name == h.relay then relay = each end
    end
    -- The relay waits for content, so it is there, whatever was heard of it before.
    local limits, at = limits_of(packed), rate_allowed_at(relay, now)
    for _, limit in ipairs(limits) do at = math.max(at, allowed_at(limit, now)) end
    if at > now then return 'limited ' .. text(at - now) end
    for _, limit in ipairs(limits) do take(limit, now) end
    take_rate(relay, now)
    permit = now
  end
  redis.call('HSET', K.hand, send, hand_text(claim, '1', permit, h.not_after, h.month, worker, h.relay))
  return 'go ' .. text(PERMIT_US - (now - permit))
end

local FAIL_OVER_MS = 100
local function give_back(send, claim, blame, delay_ms)
  local h = hand_of(send)
  if not h or h.claim ~= claim then return '0' end
  local packed = redis.call('HGET', K.jobs, send)
  out_of_hand(send, h.worker)
  if not packed then return '0' end
  uncount(h, packed)
  -- Another relay may take it at once; not in this very moment, in which the first may be back.
  if delay_ms > FAIL_OVER_MS and another_is_open(h.relay) then delay_ms = FAIL_OVER_MS end
  if delay_ms > 0 then
    redis.call('ZADD', K.delayed, text(now + delay_ms * 1000), send)
  else
    to_front(send, packed, blame == '1')
    wake(1)
  end
  return '1'
end

local function heard(send, claim, what, name, after_us)
  local h = hand_of(send)
  if not h or h.claim ~= claim then return end
  if what == 'down' then return leave_alone(name, h.permit, now) end
  ask_less(name, h.permit, after_us, now)
  it_works(h.relay, h.permit)
end

local i = 2
while i <= #ARGV do
  local op = ARGV[i]
  local result
  if op == 'm' then
    result = mark(ARGV[i + 1], ARGV[i + 2])
    i = i + 3
  elseif op == 'c' then
    result = complete(ARGV[i + 1], ARGV[i + 2], ARGV[i + 3], ARGV[i + 4])
    i = i + 5
  elseif op == 'h' then
    heard(ARGV[i + 1], ARGV[i + 2], ARGV[i + 3], ARGV[i + 4], tonumber(ARGV[i + 5]))
    i = i + 6
  else
    result = give_back(ARGV[i + 1], ARGV[i + 2], ARGV[i + 3], tonumber(ARGV[i + 4]))
    i = i + 5
  end
  answer[#answer + 1] = result
end
save_buckets()
return answer
