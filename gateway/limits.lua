-- May this key make one more request? Exact: the log holds the moment of every request of the last window.
-- Everything happens inside Redis, by its clock, in one step: four servers that ask at once cannot exceed the limit.
--
-- KEYS[1]  list: the moments (ms) of the requests that count, oldest first
-- KEYS[2]  sorted set: the calls that are open now, scored by the moment (ms) at which each stops counting
-- ARGV     limit (-1: none) · window ms · call id ("": a request that is not an open call) · most open calls (0: any)
--          · how long an open call counts unless renewed, ms
-- returns  verdict (1 allowed, 0 too many requests, -1 too many open calls) · remaining · ms until a place is free again
--          · now, ms · open calls

local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local limit, window = tonumber(ARGV[1]), tonumber(ARGV[2])
local call, most_open, lease = ARGV[3], tonumber(ARGV[4]), tonumber(ARGV[5])
local used, open, oldest = 0, 0, false

if limit >= 0 then
  local newest = redis.call('LINDEX', KEYS[1], -1)
  if newest and tonumber(newest) > now + 1000 then
    redis.call('DEL', KEYS[1]) -- the clock was set back: what the log says means nothing any more
  end
  oldest = redis.call('LINDEX', KEYS[1], 0)
  while oldest and tonumber(oldest) <= now - window do
    redis.call('LPOP', KEYS[1])
    oldest = redis.call('LINDEX', KEYS[1], 0)
  end
  used = redis.call('LLEN', KEYS[1])
  if used >= limit then
    -- A limit that was lowered leaves more than one request too many: wait for the one whose end makes room.
    local frees = redis.call('LINDEX', KEYS[1], used - limit)
    return {0, 0, frees and tonumber(frees) + window - now or window, now, 0}
  end
end

if call ~= '' then
  redis.call('ZREMRANGEBYSCORE', KEYS[2], '-inf', now)
  open = redis.call('ZCARD', KEYS[2])
  if most_open > 0 and open >= most_open then
    return {-1, math.max(limit - used, 0), oldest and tonumber(oldest) + window - now or 0, now, open}
  end
  redis.call('ZADD', KEYS[2], now + lease, call)
  redis.call('PEXPIRE', KEYS[2], lease)
end

if limit >= 0 then
  redis.call('RPUSH', KEYS[1], now)
  redis.call('PEXPIRE', KEYS[1], window)
  used = used + 1
end
return {1, math.max(limit - used, 0), (oldest and tonumber(oldest) or now) + window - now, now, open}
