-- Forget jobs that were accepted but could not be handed to the broker, unless a worker has them already.
-- KEYS[1] the pending set; KEYS[2..] one hash a job; ARGV[i] its id
-- Returns the ids that were forgotten.
local discarded = {}
for i = 1, #ARGV do
  if redis.call('HGET', KEYS[i + 1], 'status') == 'PENDING' then
    redis.call('DEL', KEYS[i + 1])
    redis.call('ZREM', KEYS[1], ARGV[i])
    discarded[#discarded + 1] = ARGV[i]
  end
end
return discarded
