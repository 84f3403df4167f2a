-- Part of claim, the last: what happened, written to Redis in one go, and the answer.

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
  if times_changed[vendor.v] and not vendor.waits then
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
