-- Renew the leases of a node's jobs, and tell what it runs.
-- ARGV: node, seconds of the lease, then children that are alive
-- Returns for each job {id, fence, child, how many were claimed with it, timeout in seconds, state}.
--   The timeout is for ever while the effect is made visible. The state is 'live', 'lost' (its child is gone; not
--   renewed) or 'void' (cancelled or taken back; forgotten here).
local alive = {}
for at = 3, #ARGV do alive[ARGV[at]] = true end
redis.call('HSET', NODES, ARGV[1], now_text .. ' ' .. (#ARGV - 2))
local jobs = {}
local held = redis.call('HGETALL', node_key(ARGV[1]))
for at = 1, #held, 2 do
  local id = held[at]
  local fence, child, size = string.match(held[at + 1], '^(%d+) (%S+) (%d+)$')
  local state = redis.call('HMGET', job_key(id), 'status', 'fence', 'timeout', 'committing')
  local word = 'live'
  if state[1] ~= 'STARTED' or state[2] ~= fence then
    word = 'void'
    redis.call('HDEL', node_key(ARGV[1]), id)
  elseif not alive[child] then
    word = 'lost'
  else
    redis.call('ZADD', LEASES, now + tonumber(ARGV[2]), id)
  end
  jobs[#jobs + 1] = {id, fence, child, tonumber(size), state[4] and '1e9' or state[3] or '0', word}
end
return jobs
