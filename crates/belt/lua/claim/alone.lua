-- Part of claim, after start.lua: jobs that were recovered before.

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
