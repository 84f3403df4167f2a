-- What is heard of providers and relays, and what it makes of their pace (see pace.lua).

-- What the fleet sends to a provider that has no limit, as us between two: those that are in hands over twice their mean age.
local function interval_now(provider, now)
  local hands, sends, permits = redis.call('HGETALL', K.hand), {}, {}
  for i = 1, math.min(#hands, 400), 2 do
    sends[#sends + 1] = hands[i]
    permits[#permits + 1] = tonumber(string.match(hands[i + 1], '^%S+ %d (%d+)'))
  end
  local age, found = 0, 0
  if #sends > 0 then
    local jobs = redis.call('HMGET', K.jobs, unpack(sends))
    for i = 1, #sends do
      if jobs[i] and place_of(jobs[i]) == provider then
        age = age + now - permits[i]
        found = found + 1
      end
    end
  end
  if found == 0 then return 1000000 end
  local in_hands = found * (#hands / 2) / #sends
  return math.max(1000, math.min(1000000, math.floor(math.max(50000, 2 * age / found) / in_hands)))
end

-- A provider asked for less. What was sent before the rate was last halved says nothing newer.
local function ask_less(provider, permit, after_us, now)
  if provider == '-' or provider == 'other' then return end
  local key = 'provider ' .. provider
  local limited = limit_for('provider', provider).interval > 0
  local pace = pace_or_new(key)
  if permit >= pace.since then
    if not limited then pace.base = interval_now(provider, now) end
    pace.share, pace.since = math.max(LEAST_SHARE, share_of(pace, now) / 2), now
  end
  pace.till = math.max(pace.till, now + math.max(after_us, REST_US / 2 / pace.share))
  limits[key] = nil
end

-- A relay could not be used. Many hands that met the same outage are one failure.
local function leave_alone(relay, permit, now)
  local pace = pace_or_new('relay ' .. relay)
  if pace.failures > 0 and permit <= pace.opened then return end
  pace.failures, pace.opened = pace.failures + 1, now
  pace.till = now + math.min(LONGEST_WAIT_US, FIRST_WAIT_US * 2 ^ math.min(pace.failures - 1, 10))
  relays = nil
end

-- A relay answered a message. What was begun before its last failure was heard says nothing newer.
local function it_works(relay, permit)
  local pace = pace_of('relay ' .. relay)
  if not pace or pace.failures == 0 or permit < pace.opened then return end
  pace.failures, pace.till = 0, 0
  paces_changed['relay ' .. relay] = true
  relays = nil
  return true
end

-- Whether every relay is left alone; whether this one is, and another is not.
local function is_left_alone(relay) return relay.pace and relay.pace.failures > 0 end
local function all_left_alone()
  for _, each in ipairs(all_relays()) do
    if not is_left_alone(each) then return false end
  end
  return true
end
local function another_is_open(relay)
  if any_pace == false or all_left_alone() then return false end
  for _, each in ipairs(all_relays()) do
    if each.name == relay then return is_left_alone(each) end
  end
  return false
end
