-- Renew the leases of a node's jobs, and return the jobs.
-- ARGV: node, seconds of the lease, then children that are alive
-- Returns for each job {id, fence, child, how many were claimed with it, timeout in seconds, state}.
--   There is no timeout (1e9) while the effect is being made visible. The state is 'live', 'lost' (its child is gone; its
--   lease is not renewed) or 'void' (it was cancelled or queued again; its entry is removed once its child is gone).
local KEEP_S = 604800  -- a node that was silent for less than that still has its table
local alive = {}
for at = 3, #ARGV do alive[ARGV[at]] = true end
redis.call('HSET', NODES, ARGV[1], now_text .. ' ' .. (#ARGV - 2))
local jobs = {}
local held = redis.call('HGETALL', node_key(ARGV[1]))
for at = 1, #held, 2 do
  local id, fence = string.match(held[at], '^(%S+) (%d+)$')
  local child, size = string.match(held[at + 1], '^(%S+) (%d+)$')
  local state = redis.call('HMGET', job_key(id), 'status', 'fence', 'timeout', 'committing')
  local name = 'live'
  if state[1] ~= 'STARTED' or state[2] ~= fence then
    name = 'void'
    if not alive[child] then redis.call('HDEL', node_key(ARGV[1]), held[at]) end
  elseif not alive[child] then
    name = 'lost'
  else
    redis.call('ZADD', LEASES, now + tonumber(ARGV[2]), id)
  end
  jobs[#jobs + 1] = {id, fence, child, tonumber(size), state[4] and '1e9' or state[3] or '0', name}
end
if #held > 0 then redis.call('EXPIRE', node_key(ARGV[1]), KEEP_S) end
return jobs
