-- Take expired jobs off the list, and nodes that are gone.
-- ARGV: seconds after which a job may have expired, how many at most
-- Returns how many were taken off.
local trimmed = 0
for _, id in ipairs(redis.call('ZRANGEBYSCORE', JOBS, '-inf', now - tonumber(ARGV[1]), 'LIMIT', 0, ARGV[2])) do
  if redis.call('EXISTS', job_key(id)) == 0 then
    redis.call('ZREM', JOBS, id)
    trimmed = trimmed + 1
  end
end
local nodes = redis.call('HGETALL', NODES)
for at = 1, #nodes, 2 do
  local seen = string.match(nodes[at + 1], '^(%S+) ')
  if tonumber(seen) < now - 3600 then redis.call('HDEL', NODES, nodes[at]) end
end
return trimmed
