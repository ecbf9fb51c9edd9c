-- Return the state of the queue and the counters; nothing is changed.
-- ARGV: seconds after which a silent node is gone, how many running jobs to look at
-- Returns {for each verb {verb, how many wait for the first time, how many wait again, how many run, age of the oldest
-- that waits}, how many nodes, how many processes they have, counters as a flat list of names and numbers}.
local running = {}
for _, verb in ipairs(VERBS) do running[verb] = 0 end
for _, id in ipairs(redis.call('ZREVRANGE', LEASES, 0, tonumber(ARGV[2]) - 1)) do
  local verb = redis.call('HGET', job_key(id), 'verb')
  if verb then running[verb] = (running[verb] or 0) + 1 end
end
local lanes = {}
for _, verb in ipairs(VERBS) do
  local waiting, retries = redis.call('ZCARD', lane_key(verb)), redis.call('SCARD', retry_key(verb))
  local oldest = redis.call('ZRANGE', lane_key(verb), 0, 0, 'WITHSCORES')
  local age_s = oldest[2] and math.max(0, now - tonumber(oldest[2])) or 0
  lanes[#lanes + 1] = {verb, waiting - retries, retries, running[verb], tostring(age_s)}
end
local nodes, processes = 0, 0
for _, seen in ipairs(redis.call('HVALS', NODES)) do
  local at, children = string.match(seen, '^(%S+) (%d+)$')
  if at and tonumber(at) > now - tonumber(ARGV[1]) then
    nodes, processes = nodes + 1, processes + tonumber(children)
  end
end
return {lanes, nodes, processes, redis.call('HGETALL', COUNTERS)}
