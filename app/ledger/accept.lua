-- Accept jobs while there is room in the queue.
-- KEYS[1] the pending set; KEYS[2..] one hash a job
-- ARGV[1] how many may wait; then for each job: id, verb, model, version ('' for none), work
-- Returns {accepted, now}: the first `accepted` jobs are in, the others are not.
local time = redis.call('TIME')
local now = time[1] .. '.' .. string.format('%06d', time[2])
local room = tonumber(ARGV[1]) - redis.call('ZCARD', KEYS[1])
local accepted = math.max(0, math.min(#KEYS - 1, room))
for i = 1, accepted do
  local at = 2 + (i - 1) * 5
  redis.call('HSET', KEYS[i + 1], 'status', 'PENDING', 'verb', ARGV[at + 1], 'model', ARGV[at + 2],
    'version', ARGV[at + 3], 'work', ARGV[at + 4], 'created', now, 'fence', 0)
  redis.call('ZADD', KEYS[1], now, ARGV[at])
end
return {accepted, now}
