-- Remove expired jobs from the list, and nodes that are gone.
-- ARGV: seconds after which a job may have expired, how many entries to skip, how many to read
-- Returns {how many were read, how many of them were removed}.
local ids = redis.call('ZRANGEBYSCORE', JOBS, '-inf', now - tonumber(ARGV[1]), 'LIMIT', ARGV[2], ARGV[3])
local trimmed = 0
for _, id in ipairs(ids) do
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
return {#ids, trimmed}
