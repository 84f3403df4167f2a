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
  forget(send)
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

-- Jobs that were recovered before are handed out alone: up to half of the workers, rounded up, go quiet, finish
-- what they hold and take one of them at a time, so the next death blames nobody else.
local quiet = redis.call('SISMEMBER', K.quiet, worker) == 1
local lonely = redis.call('LLEN', K.alone)
local function may_be_quiet()
  return redis.call('SCARD', K.quiet) < math.max(1, math.ceil(redis.call('ZCARD', K.workers) / 2))
end
local function go_quiet()
  redis.call('SADD', K.quiet, worker)
  quiet = true
end
local busy = redis.call('SCARD', K.held .. worker) > 0
if lonely > 0 and not quiet and may_be_quiet() then go_quiet() end
if quiet and not busy then
  while lonely > 0 and got == 0 and want > 0 and ended < LIMIT_ENDED do
    local relay, at = pick_relay()
    local send = redis.call('LINDEX', K.alone, 0)
    local packed = redis.call('HGET', K.jobs, send)
    if not packed then
      redis.call('LPOP', K.alone)
    else
      local needed, class, lane = limits_of(packed)
      local when = math.max(at, volume_allowed_at(lane, class.volume))
      for _, limit in ipairs(needed) do when = math.max(when, allowed_at(limit, now)) end
      if when - now > LONG_WAIT_US then
        redis.call('LPOP', K.alone)
        finish(send, parse(packed), not_now(when - now, 'limit'))
      elseif when > now then
        retry_at = math.min(retry_at, when)
        break
      else
        redis.call('LPOP', K.alone)
        local not_after = not_after_of(packed)
        if may_go(send, packed, not_after) then
          for _, limit in ipairs(needed) do take(limit, now) end
          take(relay, now)
          local month = count_volume(lane, class.volume, 1)
          hand_out(send, packed, not_after, month, relay, redis.call('HGET', K.deaths, send) or '0', '1')
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

-- Providers that may be sent to now. One that may not is not looked at again in this call, unless it has to wait so long that its
-- jobs leave the belt.
local open, too_long = {}, {}
if want > 0 then
  local names = redis.call('SMEMBERS', K.providers)
  table.sort(names)
  for _, name in ipairs(names) do
    local limit = limit_for('provider', name)
    local at = allowed_at(limit, now)
    local provider = { name = name, limit = limit, key = K.ready .. name, off = 0, more = true, horizon = -1, stale = {}, gone = {} }
    if at - now > LONG_WAIT_US then
      provider.at = at
      too_long[#too_long + 1] = provider
    elseif at > now then
      retry_at = math.min(retry_at, at)
    else
      open[#open + 1] = provider
    end
  end
end

-- Virtual times as they are; lanes, and vendors under "v <vendor>" and "V <vendor>".
local times, times_changed = {}, {}
local function fetch_times(names)
  if #names == 0 then return end
  local found = redis.call('HMGET', K.vt, unpack(names))
  for i = 1, #names do times[names[i]] = tonumber(found[i] or '0') end
end
local function set_time(name, time)
  times[name] = time
  times_changed[name] = true
end

-- Vendors that have lines at an open provider, by their virtual time. `at` says at which providers, by index in `open`.
local vendors, first_vendor, vendor_of = {}, 1, {}
local function put_vendor(vendor)
  local i = #vendors + 1
  while i > first_vendor and (vendors[i - 1].time > vendor.time
    or (vendors[i - 1].time == vendor.time and vendors[i - 1].name > vendor.name)) do
    vendors[i] = vendors[i - 1]
    i = i - 1
  end
  vendors[i] = vendor
end
local function read_vendors(provider, index)
  local chunk = math.min(want, 16)
  local found = redis.call('ZRANGE', provider.key, provider.off, provider.off + chunk - 1, 'WITHSCORES')
  provider.off = provider.off + chunk
  provider.more = #found == 2 * chunk
  local names, unknown = {}, {}
  for i = 1, #found, 2 do
    local name = found[i]
    provider.horizon = tonumber(found[i + 1])
    local known = vendor_of[name]
    if known then
      known.at[index] = true
      if known.dropped then
        known.dropped = false
        put_vendor(known)
      end
    else
      unknown[#unknown + 1] = name
      names[#names + 1] = 'v ' .. name
      names[#names + 1] = 'V ' .. name
    end
  end
  fetch_times(names)
  for _, name in ipairs(unknown) do
    local weight = redis.call('HGET', K.limits, 'weight ' .. name)
    local vendor = { name = name, time = times['v ' .. name], at = { [index] = true }, queues = {}, limit = limit_for('vendor', name),
      stride = math.max(1, math.floor(1000000 / tonumber(weight or '1'))) }
    vendor_of[name] = vendor
    put_vendor(vendor)
  end
end
-- The vendor whose turn it is. Those that were not read yet come later than the horizon of their provider.
local function next_vendor()
  while true do
    local vendor = vendors[first_vendor]
    local short = nil
    for index, provider in ipairs(open) do
      if provider.more and not provider.closed and (not vendor or vendor.time > provider.horizon) then short = index end
    end
    if not short then return vendor end
    read_vendors(open[short], short)
  end
end

-- What is known of lines: lane, limits, stride, volume.
local lines, lane_known = {}, {}
local function read_lines(names)
  local new, asked, lanes_new = {}, {}, {}
  for i = 1, #names do
    local line = names[i]
    if not lines[line] then
      local blank = string.find(line, ' ', 1, true)
      local lane = blank and string.sub(line, 1, blank - 1) or line
      local known = { lane = lane, sender = blank and limit_for('sender', string.sub(line, blank + 1)) or NONE }
      lines[line] = known
      new[#new + 1] = known
      if not lane_known[lane] then
        lane_known[lane] = true
        lanes_new[#lanes_new + 1] = lane
      end
    end
  end
  if #new == 0 then return end
  if #lanes_new > 0 then
    fetch_times(lanes_new)
    local settings = redis.call('HMGET', K.lanes, unpack(lanes_new))
    for i = 1, #lanes_new do
      local class = class_of(settings[i])
      local lane = lanes_new[i]
      lane_known[lane] = { class = class, limit = partner_limit(lane, class) }
    end
  end
  for i = 1, #new do
    local known = new[i]
    local lane = lane_known[known.lane]
    known.class, known.partner = lane.class, lane.limit
    if known.partner.interval > 0 then asked[#asked + 1] = known.partner.bucket end
    if known.sender.interval > 0 then asked[#asked + 1] = known.sender.bucket end
  end
  fetch_buckets(asked)
end

-- The lines of one vendor at one provider, in the order of their lanes' virtual times: `found` is a piece of the ready set as it
-- was read, `names` and `scores` (from `first` on, in order) are lines whose score there is too low by now.
local function queue_of(vendor, index)
  local provider = open[index]
  return { provider = provider, vendor = vendor, key = provider.key .. ' ' .. vendor.name, off = 0, more = true, found = {}, at = 1,
    names = {}, scores = {}, first = 1, last = 0, dirty = {}, gone = {}, away = 0, sends = {}, each = 1 }
end
local queues = {}
local function put_line(queue, line, score)
  local names, scores = queue.names, queue.scores
  local i = queue.last + 1
  queue.last = i
  while i > queue.first and scores[i - 1] > score do
    names[i], scores[i] = names[i - 1], scores[i - 1]
    i = i - 1
  end
  names[i], scores[i] = line, score
  queue.dirty[line] = score
end
local function read_queue(queue)
  local chunk = math.min(want - got + 1, queue.off == 0 and math.ceil((want - got) / #open) + 1 or 64)
  local found = redis.call('ZRANGE', queue.key, queue.off, queue.off + chunk - 1, 'WITHSCORES')
  queue.off = queue.off + chunk
  queue.more = #found == 2 * chunk
  queue.found, queue.at = found, 1
  local names, n = {}, 0
  for i = 1, #found, 2 do
    n = n + 1
    names[n] = found[i]
  end
  read_lines(names)
  -- Few lines give many jobs each: those are taken off their lists in one go, and what is too much is put back.
  if not queue.more and queue.off == chunk and n > 0 then queue.each = math.max(1, math.floor((want - got) / (n * #open))) end
end
-- Sets the queue's head to the line whose lane has the lowest virtual time; nil if there is none.
local function find_head(queue)
  while true do
    if queue.at > #queue.found and queue.more then read_queue(queue) end
    local from_read = queue.at <= #queue.found
    local line, score
    if from_read then line, score = queue.found[queue.at], tonumber(queue.found[queue.at + 1]) end
    if queue.first <= queue.last and (not from_read or queue.scores[queue.first] < score) then
      line, score, from_read = queue.names[queue.first], queue.scores[queue.first], false
    end
    if not line then
      queue.head = nil
      return
    end
    local time = times[lines[line].lane]
    if time <= score then
      queue.head, queue.head_time, queue.head_read = line, time, from_read
      return
    end
    if from_read then queue.at = queue.at + 2 else queue.first = queue.first + 1 end
    put_line(queue, line, time)
  end
end
local function past_head(queue)
  if queue.head_read then queue.at = queue.at + 2 else queue.first = queue.first + 1 end
  queue.fresh = false
end

-- What waits for limits from now on, and where those that wait for the same limit stand in line: each looks again when its own turn
-- comes, not all at once.
local later, slots, slots_changed = {}, {}, {}
local SLOTS_WITHIN_US = 5000000
local function turn_at(limit, at)
  if not limit.bucket then return at end
  local name = 'w ' .. limit.bucket
  local slot = slots[name] or tonumber(redis.call('HGET', K.buckets, name) or '0')
  slot = math.min(math.max(at, slot + limit.interval), at + SLOTS_WITHIN_US)
  slots[name] = slot
  slots_changed[name] = true
  return slot
end
local function take_off(queue, at)
  local line = queue.head
  past_head(queue)
  queue.dirty[line] = nil
  queue.gone[#queue.gone + 1] = line
  if at then
    later[#later + 1] = at
    later[#later + 1] = queue.provider.name .. ' ' .. queue.vendor.name .. ' ' .. line
  end
end
-- Nothing of this line can go within the long wait: back to the book, `step` apart. True if there is more.
local function send_back(queue, at, step)
  local list, n = K.lane .. queue.provider.name .. ' ' .. queue.head, 0
  local left = queue.sends[queue.head]
  while ended < LIMIT_ENDED do
    local send
    if left and left[left.at] then
      send = left[left.at]
      left.at = left.at + 1
    else
      send = redis.call('LPOP', list)
    end
    if not send then return false end
    local packed = redis.call('HGET', K.jobs, send)
    if packed then finish(send, parse(packed), not_now(at - now + n * step, 'limit')) end
    n = n + 1
  end
  return (left and left[left.at]) or redis.call('EXISTS', list) == 1
end

-- The next send of the queue's head; nil if it has none.
local function next_send(queue)
  local line = queue.head
  local sends = queue.sends[line]
  if sends then
    local send = sends[sends.at]
    if send then
      sends.at = sends.at + 1
      return send
    end
    if #sends < queue.each then return nil end
  end
  local list = K.lane .. queue.provider.name .. ' ' .. line
  if queue.each == 1 then return redis.call('LPOP', list) or nil end
  sends = redis.call('LPOP', list, queue.each)
  if not sends then return nil end
  sends.at = 2
  queue.sends[line] = sends
  return sends[1]
end

-- What was chosen and has not been looked at: its permits are taken.
local chosen, count = {}, 0
-- Looks at all of them at once. A job that may not go gives its permits back.
local function hand_out_chosen()
  local sends = {}
  for i = 1, count do sends[i] = chosen[i].send end
  if count == 0 then return end
  local jobs = redis.call('HMGET', K.jobs, unpack(sends))
  for i = 1, count do
    local one, packed = chosen[i], jobs[i]
    local goes = false
    if packed then
      local not_after = not_after_of(packed)
      if may_go(one.send, packed, not_after) then
        hand_out(one.send, packed, not_after, one.month, one.relay, one.deaths, one.alone)
        goes = true
      end
    end
    if not goes then
      local known, vendor = one.line, one.queue.vendor
      put_back(known.partner)
      put_back(known.sender)
      put_back(vendor.limit)
      put_back(one.queue.provider.limit)
      put_back(one.relay)
      count_volume(known.lane, known.class.volume, -1)
      set_time(known.lane, times[known.lane] - known.class.stride)
      vendor.time = vendor.time - vendor.stride
      set_time('v ' .. vendor.name, vendor.time)
    end
  end
  chosen, count = {}, 0
end

local root_time = 0
if want > 0 then
  fetch_times({ 'V' })
  root_time = times['V']
end
local waiting_vendors = {}
while want > 0 and budget > 0 and ended < LIMIT_ENDED do
  if got + count >= want then
    hand_out_chosen()
    if got >= want then break end
  end
  budget = budget - 1
  local vendor = next_vendor()
  if not vendor then
    if count == 0 then break end
    hand_out_chosen()
    break
  end
  local vendor_at = allowed_at(vendor.limit, now)
  -- The line of this vendor whose turn it is, over all providers that are open.
  local best = nil
  if vendor_at <= now or vendor_at - now > LONG_WAIT_US then
    for i = 0, #open - 1 do
      local index = (turn + i) % #open + 1
      if vendor.at[index] and not open[index].closed then
        local queue = vendor.queues[index]
        if not queue then
          queue = queue_of(vendor, index)
          vendor.queues[index] = queue
          queues[#queues + 1] = queue
        end
        if not queue.fresh or (queue.head and times[lines[queue.head].lane] ~= queue.head_time) then
          find_head(queue)
          queue.fresh = true
        end
        if queue.head and (not best or queue.head_time < best.head_time) then best = queue end
      end
    end
    if not best then
      first_vendor = first_vendor + 1
      vendor.dropped = true
    end
  else
    -- The whole vendor waits: one entry, whatever the number of its lanes.
    first_vendor = first_vendor + 1
    waiting_vendors[#waiting_vendors + 1] = vendor
    later[#later + 1] = vendor_at
    later[#later + 1] = '@ ' .. vendor.name
  end
  if best then
    local known = lines[best.head]
    local relay, relay_at = pick_relay()
    local at, why = vendor_at, vendor.limit
    local when = allowed_at(known.partner, now)
    if when > at then at, why = when, known.partner end
    when = allowed_at(known.sender, now)
    if when > at then at, why = when, known.sender end
    when = volume_allowed_at(known.lane, known.class.volume)
    if when > at then at, why = when, NONE end
    if not relay and relay_at - now > LONG_WAIT_US and relay_at > at then at, why = relay_at, known.partner end
    if at - now > LONG_WAIT_US then
      take_off(best, send_back(best, at, why.interval) and now + 100000 or nil)
    elseif at > now then
      take_off(best, turn_at(why, at))
    elseif not relay then
      retry_at = math.min(retry_at, relay_at)
      hand_out_chosen()
      break
    else
      local send = next_send(best)
      if not send then
        take_off(best, nil)
      else
        local deaths = any_deaths and redis.call('HGET', K.deaths, send) or '0'
        local goes, alone = true, '0'
        if deaths ~= '0' then
          goes = false
          if redis.call('HEXISTS', K.jobs, send) == 1 then
            if got + count == 0 and not busy and may_be_quiet() then
              go_quiet()
              goes, alone = true, '1'
            else
              redis.call('RPUSH', K.alone, send)
              if may_be_quiet() then go_quiet() end
            end
          end
        end
        if goes then
          take(known.partner, now)
          take(known.sender, now)
          take(vendor.limit, now)
          take(relay, now)
          local provider = best.provider
          take(provider.limit, now)
          local month = count_volume(known.lane, known.class.volume, 1)
          count = count + 1
          chosen[count] = { send = send, queue = best, line = known, relay = relay, month = month, deaths = deaths, alone = alone }
          turn = turn + 1

          local own, line = best.head_time, best.head
          local V = 'V ' .. vendor.name
          if own > times[V] then set_time(V, own) else own = times[V] end
          own = own + known.class.stride
          set_time(known.lane, own)
          past_head(best)
          put_line(best, line, own)
          first_vendor = first_vendor + 1
          if vendor.time > root_time then root_time = vendor.time end
          vendor.time = math.max(vendor.time, root_time) + vendor.stride
          set_time('v ' .. vendor.name, vendor.time)
          put_vendor(vendor)

          local open_at = allowed_at(provider.limit, now)
          if open_at > now then
            provider.closed = true
            retry_at = math.min(retry_at, open_at)
          end
        end
        if quiet then
          hand_out_chosen()
          break
        end
      end
    end
  end
end
hand_out_chosen()

-- Jobs for a provider that is closed for longer than the belt keeps jobs go back to the book, so that they take nobody's place.
for _, provider in ipairs(too_long) do
  open = { provider }
  while ended < LIMIT_ENDED do
    local name = redis.call('ZRANGE', provider.key, 0, 0)[1]
    if not name then break end
    local queue = queue_of({ name = name }, 1)
    queue.head = redis.call('ZRANGE', queue.key, 0, 0)[1]
    if not queue.head then
      redis.call('ZREM', provider.key, name)
    elseif not send_back(queue, provider.at + ended * provider.limit.interval, 0) then
      redis.call('ZREM', queue.key, queue.head)
    end
  end
end

-- What happened to lines and vendors, written in one go.
for _, queue in ipairs(queues) do
  local scores = {}
  for line, score in pairs(queue.dirty) do
    scores[#scores + 1] = score
    scores[#scores + 1] = line
  end
  if #scores > 0 then redis.call('ZADD', queue.key, 'XX', unpack(scores)) end
  if #queue.gone > 0 then
    redis.call('ZREM', queue.key, unpack(queue.gone))
    if redis.call('EXISTS', queue.key) == 0 then
      local gone = queue.provider.gone
      gone[#gone + 1] = queue.vendor.name
      queue.vendor.gone = queue.vendor.gone or {}
      queue.vendor.gone[queue.provider] = true
    end
  end
  for line, sends in pairs(queue.sends) do
    if sends[sends.at] then
      local back, n = {}, 0
      for i = #sends, sends.at, -1 do
        n = n + 1
        back[n] = sends[i]
      end
      redis.call('LPUSH', K.lane .. queue.provider.name .. ' ' .. line, unpack(back))
    end
  end
end
for _, vendor in ipairs(waiting_vendors) do
  for index in pairs(vendor.at) do
    local gone = open[index].gone
    gone[#gone + 1] = vendor.name
  end
  vendor.waits = true
end
for _, vendor in pairs(vendor_of) do
  if times_changed['v ' .. vendor.name] and not vendor.waits then
    for index in pairs(vendor.at) do
      local provider = open[index]
      if not (vendor.gone and vendor.gone[provider]) then
        provider.stale[#provider.stale + 1] = vendor.time
        provider.stale[#provider.stale + 1] = vendor.name
      end
    end
  end
end
for _, provider in ipairs(open) do
  if #provider.gone > 0 then redis.call('ZREM', provider.key, unpack(provider.gone)) end
  if #provider.stale > 0 then redis.call('ZADD', provider.key, 'XX', unpack(provider.stale)) end
end
if want > 0 and root_time > times['V'] then set_time('V', root_time) end
local written = {}
for name in pairs(times_changed) do
  written[#written + 1] = name
  written[#written + 1] = times[name]
end
if #written > 0 then redis.call('HSET', K.vt, unpack(written)) end
if #later > 0 then redis.call('ZADD', K.waiting, unpack(later)) end
if #hands > 0 then
  redis.call('HSET', K.hand, unpack(hands))
  redis.call('SADD', K.held .. worker, unpack(held))
end
for lane in pairs(volumes_changed) do redis.call('HSET', K.volume, month_of(now) .. ' ' .. lane, volumes[lane]) end
for name in pairs(slots_changed) do
  buckets[name] = slots[name]
  changed[name] = true
end
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
